import {
  type Attachment,
  bytes,
  type Ctx,
  type Device,
  type FsType,
  type HostMount,
  type HostSession,
  type MountSpec,
  type Probe,
  type User,
  VolumeError,
} from '@rexray/core';
import * as devices from './devices.ts';
import * as fs from './file-systems.ts';
import type { FakeHost } from './host.ts';
import type { FakeDevice, FakeMachine, FakeMount } from './machine.ts';
import * as mounting from './mounting.ts';

type Detail = Readonly<Record<string, unknown>>;

/** A session of a simulated machine: nothing of it works once its lock is given back. */
export class FakeSession implements HostSession {
  readonly #host: FakeHost;
  readonly #m: FakeMachine;
  readonly #key: string;
  readonly #unlock: () => void;
  readonly #frozen: Set<FakeMount> = new Set();
  #released = false;

  constructor(host: FakeHost, key: string, unlock: () => void) {
    this.#host = host;
    this.#m = host.machine;
    this.#key = key;
    this.#unlock = unlock;
  }

  connect(a: Attachment, o: { readonly readonly: boolean; readonly blockSize?: number }, ctx: Ctx): Promise<Device> {
    return this.#act('connect', ctx, { a, ...o }, () => devices.connect(this.#m, a, o.readonly));
  }

  disconnect(a: Attachment, ctx: Ctx): Promise<void> {
    return this.#act('disconnect', ctx, { a }, () => devices.disconnect(this.#m, a));
  }

  find(a: Attachment, ctx: Ctx): Promise<Device | undefined> {
    return this.#act('find', ctx, { a }, () => {
      const d = devices.find(this.#m, a);
      return d === undefined ? undefined : devices.describe(d, false);
    });
  }

  assertUnused(device: Device, ctx: Ctx): Promise<void> {
    return this.#on('assertUnused', device, ctx, {}, (d) => devices.assertUnused(this.#m, d));
  }

  users(device: Device, ctx: Ctx): Promise<readonly User[]> {
    return this.#on('users', device, ctx, {}, (d) => this.#m.users(d));
  }

  probe(device: Device, o: { readonly prove: boolean }, ctx: Ctx): Promise<Probe> {
    return this.#on('probe', device, ctx, o, (d) => fs.probe(d, o.prove));
  }

  format(device: Device, o: Parameters<HostSession['format']>[1], ctx: Ctx): Promise<void> {
    return this.#on('format', device, ctx, o, async (d) => {
      fs.assertFormattable(this.#m, d, o);
      const dies = this.#m.trap('format', 'during');
      if (dies !== undefined) {
        fs.halfFormat(d, o);
        await dies(this.#host, ctx);
      }
      fs.format(d, o);
    });
  }

  check(
    device: Device,
    o: { readonly fsType: FsType; readonly repair: boolean },
    ctx: Ctx,
  ): ReturnType<HostSession['check']> {
    return this.#on('check', device, ctx, o, (d) => fs.check(this.#m, d, o));
  }

  newUuid(device: Device, o: { readonly fsType: FsType; readonly uuid: string }, ctx: Ctx): Promise<void> {
    return this.#on('newUuid', device, ctx, o, (d) => {
      devices.assertUnused(this.#m, d);
      if (d.readonly) throw new VolumeError('denied', `${d.path} is read-only.`, { details: { rule: 'read-only' } });
      fs.newUuid(d, o);
    });
  }

  mount(device: Device, spec: MountSpec, ctx: Ctx): Promise<HostMount> {
    return this.#on('mount', device, ctx, { ...spec }, (d) => mounting.mount(this.#m, d, spec));
  }

  unmount(target: string, o: { readonly kill?: boolean; readonly expectDevno?: string }, ctx: Ctx): Promise<void> {
    return this.#act('unmount', ctx, { target, ...o }, () => mounting.unmount(this.#m, target, o));
  }

  mounted(target: string, ctx: Ctx): Promise<HostMount | undefined> {
    return this.#act('mounted', ctx, { target }, () => {
      const m = this.#m.mounts.get(target);
      return m === undefined ? undefined : mounting.describe(m);
    });
  }

  grow(
    device: Device,
    o: { readonly fsType: FsType; readonly target?: string },
    ctx: Ctx,
  ): ReturnType<HostSession['grow']> {
    return this.#on('grow', device, ctx, o, (d) => fs.grow(this.#m, d, o));
  }

  refresh(device: Device, ctx: Ctx): Promise<Device> {
    return this.#on('refresh', device, ctx, {}, (d) => {
      d.sizeBytes = bytes(d.disk.sizeBytes);
      return devices.describe(d, device.fresh);
    });
  }

  freeze(target: string, o: { readonly maxMs: number }, ctx: Ctx): Promise<void> {
    return this.#act('freeze', ctx, { target, ...o }, () => {
      const m = mounting.mountAt(this.#m, target);
      if (m.device.kind !== 'block') {
        throw new VolumeError('unsupported', `${target} cannot be frozen: it is no block device.`, {
          details: { verb: 'freeze' },
        });
      }
      this.#m.flush(m);
      m.frozenUntil = performance.now() + o.maxMs;
      this.#frozen.add(m);
    });
  }

  thaw(target: string, ctx: Ctx): Promise<{ readonly held: boolean }> {
    return this.#act('thaw', ctx, { target }, () => {
      const m = mounting.mountAt(this.#m, target);
      const held = m.frozenUntil !== undefined && performance.now() < m.frozenUntil;
      delete m.frozenUntil;
      this.#frozen.delete(m);
      return { held };
    });
  }

  sync(target: string, ctx: Ctx): Promise<void> {
    return this.#act('sync', ctx, { target }, () => this.#m.flush(mounting.mountAt(this.#m, target)));
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    for (const m of this.#frozen) delete m.frozenUntil;
    if (this.#host.alive) this.#m.calls.push({ call: 'release', key: this.#key, pid: this.#host.self.pid });
    this.#unlock();
  }

  #act<T>(call: string, ctx: Ctx, detail: Detail, effect: () => T | Promise<T>): Promise<T> {
    return this.#host.act(call, ctx, { key: this.#key, ...detail }, () => {
      if (!this.#released) return effect();
      throw new VolumeError('internal', `${call} was called after the lock of ${this.#key} was given back.`, {
        details: { step: call },
      });
    });
  }

  #on<T>(
    call: string,
    device: Device,
    ctx: Ctx,
    detail: Detail,
    effect: (d: FakeDevice) => T | Promise<T>,
  ): Promise<T> {
    return this.#act(call, ctx, { device: device.path, ...detail }, () => effect(devices.known(this.#m, device)));
  }
}
