import {
  type Attachment,
  type Ctx,
  type Device,
  type FsType,
  type HostMount,
  type HostSession,
  isVolumeError,
  type MountSpec,
  type Probe,
  remaining,
  type User,
  VolumeError,
} from '@rexray/core';
import { closeFd, fsMount, syncfs, thaw } from '@rexray/kernel';
import { type ChildResult, type ChildRunner, runChild } from './child.ts';
import { unpin } from './connect/connection.ts';
import { Connections } from './connect/connections.ts';
import { type ConnectPlace, connect, disconnect, find, refresh } from './connect/index.ts';
import { tooLate } from './deadline.ts';
import { thawUnmounted } from './frozen.ts';
import * as fs from './fs/index.ts';
import type { HeldLock } from './lock.ts';
import { mountAtTarget, mountsOf } from './mount/mount.ts';
import { canonicalTarget } from './mount/mountpoint.ts';
import { asHostMount, type Consumers, findMount, mustBeMounted } from './mount/table.ts';
import { unmountTarget } from './mount/unmount.ts';
import { onMount, Pending } from './pending.ts';
import { nameUsers, usersOf } from './proc/users.ts';
import { assertFree, ownMounts } from './unused.ts';
import { asVolumeError } from './wrap.ts';

export interface SessionPlace extends ConnectPlace {
  readonly consumers: Consumers;
  /** Nobody else may put files there. */
  readonly scratchDir: string;
}

export const scratchName = (lock: HeldLock): string => `undo-${lock.name}`;

type FsVerb<K extends 'format' | 'check' | 'newUuid' | 'grow'> = Parameters<HostSession[K]>[1];

/** What a release may spend on thawing what was left frozen, in ms. */
const RELEASE_THAW_MS = 5_000;

/** One volume's device, while its lock is held. */
export class LinuxSession implements HostSession {
  readonly #lock: HeldLock;
  readonly #place: SessionPlace;
  readonly #pending = new Pending();
  readonly #connections = new Connections();
  readonly #frozen = new Map<string, fs.Frozen>();
  readonly #onEnd: () => void;
  #released: Promise<void> | undefined;

  constructor(lock: HeldLock, place: SessionPlace, onEnd: () => void = () => {}) {
    this.#lock = lock;
    this.#place = place;
    this.#onEnd = onEnd;
  }

  /** Runs a verb of a session that is still held, for a caller that still waits; errors come out as ours. */
  async #verb<T>(op: string, ctx: Ctx, body: () => T | Promise<T>): Promise<T> {
    if (this.#released !== undefined) {
      throw new VolumeError('internal', `${op}: this session has ended and has no lock any more.`, {
        details: { step: op },
      });
    }
    if (ctx.signal.aborted) throw tooLate(op, ctx);
    try {
      return await body();
    } catch (e) {
      throw asVolumeError(e, op);
    }
  }

  connect(a: Attachment, o: { readonly readonly: boolean; readonly blockSize?: number }, ctx: Ctx): Promise<Device> {
    return this.#verb('connect', ctx, async () => {
      // A loop device cannot change between reading and writing: it is made anew, for which our own pin has to go.
      const stale = this.#connections.inOtherMode(a, o.readonly || a.readonly === true);
      if (stale !== undefined) {
        await this.#free(stale.device, ctx);
        this.#connections.drop(stale.device.id);
      }
      return this.#connections.keep(await connect(a, o, this.#place, ctx));
    });
  }

  find(a: Attachment, ctx: Ctx): Promise<Device | undefined> {
    return this.#verb('find', ctx, () => {
      const found = find(a, this.#place);
      return found === undefined ? undefined : this.#connections.keep(found);
    });
  }

  disconnect(a: Attachment, ctx: Ctx): Promise<void> {
    return this.#verb('disconnect', ctx, async () => {
      const found = find(a, this.#place);
      if (found === undefined && a.kind === 'file') return; // no loop device has it: that was the look
      if (found !== undefined) {
        unpin(found);
        const mine = this.#connections.find(found.device.id);
        if (mine?.device.kind === 'block') {
          await this.#free(mine.device, ctx); // refused: the pin stays
          this.#connections.drop(found.device.id);
        }
      }
      await disconnect(a, this.#place, ctx);
      if (found !== undefined) this.#connections.drop(found.device.id);
    });
  }

  assertUnused(device: Device, ctx: Ctx): Promise<void> {
    return this.#verb('assertUnused', ctx, async () => {
      const c = this.#connections.get(device);
      if (c.device.kind === 'block') return this.#free(c.device, ctx);
      const users = usersOf(mountsOf(c));
      const here = ownMounts(mountsOf(c)).map((r) => r.target);
      if (users.length === 0 && here.length === 0) return;
      const where = here.length > 0 ? ` mounted at ${here.join(', ')}` : ' in use';
      throw new VolumeError(
        'in_use',
        `${device.path} is${where}${users.length > 0 ? ` by ${nameUsers(users)}` : ''}.`,
        {
          details: { pids: users.map((u) => u.pid) },
          hint: 'Unmount it first.',
        },
      );
    });
  }

  async #free(device: Device, ctx: Ctx): Promise<void> {
    try {
      await assertFree(device, ctx);
    } catch (e) {
      if (!(await thawUnmounted(device, this.#pending, ctx))) throw e;
      await assertFree(device, ctx);
    }
  }

  users(device: Device, ctx: Ctx): Promise<readonly User[]> {
    return this.#verb('users', ctx, () => {
      const c = this.#connections.get(device);
      return usersOf(mountsOf(c), c.device.kind === 'block' ? { devicePath: c.device.path } : {});
    });
  }

  probe(device: Device, o: { readonly prove: boolean }, ctx: Ctx): Promise<Probe> {
    return this.#verb('probe', ctx, async () => {
      if (o.prove) await this.#free(device, ctx); // S2: evidence counts only when nobody can write meanwhile
      return fs.probe(this.#fsPlace(device), { ...o, signal: ctx.signal }, this.#tools('probe', ctx));
    });
  }

  format(device: Device, o: FsVerb<'format'>, ctx: Ctx): Promise<void> {
    return this.#verb('format', ctx, async () => {
      await this.#free(device, ctx);
      await fs.format(this.#fsPlace(device), o, this.#tools('format', ctx));
    });
  }

  check(device: Device, o: FsVerb<'check'>, ctx: Ctx): Promise<{ readonly clean: boolean; readonly said?: string }> {
    return this.#verb('check', ctx, async () => {
      if (o.repair) await this.#free(device, ctx);
      return fs.check(this.#fsPlace(device), o, this.#tools('check', ctx));
    });
  }

  newUuid(device: Device, o: FsVerb<'newUuid'>, ctx: Ctx): Promise<void> {
    return this.#verb('newUuid', ctx, async () => {
      await this.#free(device, ctx);
      const replay = (fsType: FsType): Promise<void> => this.#replay(device, fsType, ctx);
      await fs.newUuid(this.#fsPlace(device), o, replay, this.#tools('newUuid', ctx));
    });
  }

  /** A mount that nobody sees, so that the kernel replays the log. */
  async #replay(device: Device, fsType: FsType, ctx: Ctx): Promise<void> {
    const parameters = fsType === 'xfs' ? ([['nouuid']] as const) : [];
    closeFd(await this.#pending.run('mount', fsMount(fsType, { source: device.path, parameters }), ctx));
    await assertFree(device, ctx);
  }

  #fsPlace(device: Device): fs.Place {
    const { attachment, device: d } = this.#connections.get(device);
    return { path: d.path, sizeBytes: d.sizeBytes, ...(attachment.kind === 'file' && { backing: attachment.path }) };
  }

  #tools(op: string, ctx: Ctx): fs.Tools {
    const run: fs.RunChild = (file, args, o) => this.#run(op, ctx)(file, args, o);
    const { scratchDir } = this.#place;
    return { run, timeoutMs: remaining(ctx), scratchDir, scratchName: scratchName(this.#lock) };
  }

  #run(op: string, ctx: Ctx): ChildRunner {
    return (program, args, o): Promise<ChildResult> =>
      runChild(this.#lock, program, args, {
        op,
        signal: ctx.signal,
        ...o,
        timeoutMs: Math.min(o.timeoutMs, remaining(ctx)),
      });
  }

  mount(device: Device, spec: MountSpec, ctx: Ctx): Promise<HostMount> {
    return this.#verb('mount', ctx, () =>
      mountAtTarget(
        this.#connections.get(device),
        spec,
        {
          allowRoots: this.#place.allowRoots,
          consumers: this.#place.consumers,
          pending: this.#pending,
          run: this.#run('mount', ctx),
        },
        ctx,
      ),
    );
  }

  unmount(target: string, o: { readonly kill?: boolean; readonly expectDevno?: string }, ctx: Ctx): Promise<void> {
    return this.#verb('unmount', ctx, async () => {
      if (this.#frozen.size > 0) await this.#thaw(canonicalTarget(target), ctx);
      await unmountTarget(target, o, this.#pending, ctx);
    });
  }

  mounted(target: string, ctx: Ctx): Promise<HostMount | undefined> {
    return this.#verb('mounted', ctx, () => {
      const row = findMount(canonicalTarget(target));
      return row === undefined ? undefined : asHostMount(row, '/');
    });
  }

  grow(
    device: Device,
    o: FsVerb<'grow'>,
    ctx: Ctx,
  ): Promise<{ readonly grown: boolean; readonly fsBytes?: number; readonly why?: string }> {
    return this.#verb('grow', ctx, () => fs.grow(this.#fsPlace(device), o, this.#tools('grow', ctx)));
  }

  refresh(device: Device, ctx: Ctx): Promise<Device> {
    return this.#verb('refresh', ctx, () => refresh(this.#connections.get(device), this.#place));
  }

  freeze(target: string, o: { readonly maxMs: number }, ctx: Ctx): Promise<void> {
    return this.#verb('freeze', ctx, async () => {
      const at = canonicalTarget(target);
      mustBeMounted(at);
      try {
        this.#frozen.set(at, await fs.freeze(at, { ...o, timeoutMs: remaining(ctx), lockFd: this.#lock.fd }));
      } catch (e) {
        // It ended in a way that says nothing: killed, perhaps, between the freeze and the word of it.
        if (isVolumeError(e, 'internal')) await this.#unfreeze(at, ctx);
        throw e;
      }
    });
  }

  thaw(target: string, ctx: Ctx): Promise<{ readonly held: boolean }> {
    return this.#verb('thaw', ctx, async () => {
      const at = canonicalTarget(target);
      const mine = await this.#thaw(at, ctx);
      if (mine !== undefined) return { held: mine.held };
      mustBeMounted(at);
      // Left by a process that is gone, its watcher too: whatever was done under it is not known to have been whole.
      await this.#unfreeze(at, ctx);
      return { held: false };
    });
  }

  /** S16: a watcher that was killed cannot thaw, so this does. */
  async #thaw(at: string, ctx: Pick<Ctx, 'deadline'>): Promise<fs.Thawed | undefined> {
    const frozen = this.#frozen.get(at);
    this.#frozen.delete(at);
    const thawed = await frozen?.thaw();
    if (thawed?.abandoned === true) await this.#unfreeze(at, ctx);
    return thawed;
  }

  async #unfreeze(at: string, ctx: Pick<Ctx, 'deadline'>): Promise<void> {
    await onMount(at, (fd) => this.#pending.run('thaw', thaw(fd), ctx));
  }

  sync(target: string, ctx: Ctx): Promise<void> {
    return this.#verb('sync', ctx, async () => {
      const at = canonicalTarget(target);
      mustBeMounted(at);
      await onMount(at, (fd) => this.#pending.run('sync', syncfs(fd), ctx));
    });
  }

  /** Always the same promise: releasing again waits for the first. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    const ctx = { deadline: performance.now() + RELEASE_THAW_MS };
    await Promise.allSettled([...this.#frozen.keys()].map((at) => this.#thaw(at, ctx)));
    const [op] = this.#pending.ops;
    if (op === undefined) return this.#letGo();
    // A kernel call still runs on a pool thread: the lock stays until it is done, without anybody waiting here (S14).
    this.#lock.note(op, { stuck: true });
    void this.#pending.settled().then(() => this.#letGo());
  }

  #letGo(): void {
    this.#connections.dropAll();
    this.#lock.close();
    this.#onEnd();
  }
}
