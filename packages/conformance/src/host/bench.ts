import { randomUUID } from 'node:crypto';
import { join } from 'node:path/posix';
import type {
  Attachment,
  Code,
  Ctx,
  Device,
  FsType,
  HostDriver,
  HostMount,
  HostSession,
  MountSpec,
} from '@rexray/core';
import { codeOf, rejects, type Settled, settle } from '../outcome.ts';
import { skip } from '../runner.ts';
import { contextOf } from '../storage/bench.ts';
import type { Holding, HostConformanceOptions, HostWorld } from './world.ts';

const MIB = 2 ** 20;
const SIZES: Record<FsType, number> = { ext4: 64 * MIB, xfs: 320 * MIB, btrfs: 128 * MIB };

/** A connected disk in an open session. */
export interface Bed {
  readonly key: string;
  readonly a: Attachment;
  session: HostSession;
  device: Device;
}

/** What every rule works with. Sessions that are still open at the end are released, mounts taken down. */
export class HostBench {
  readonly world: HostWorld;
  readonly host: HostDriver;
  readonly o: HostConformanceOptions;
  readonly fsType: FsType;
  readonly size: number;
  readonly #sessions: Set<HostSession> = new Set();
  readonly #attachments: Attachment[] = [];
  readonly #targets: string[] = [];
  #n = 0;

  constructor(world: HostWorld, o: HostConformanceOptions) {
    this.world = world;
    this.host = world.host;
    this.o = o;
    this.fsType = o.fsType ?? 'ext4';
    this.size = o.sizeBytes ?? SIZES[this.fsType];
  }

  ctx(o: { signal?: AbortSignal; ms?: number } = {}): Ctx {
    return contextOf(o.ms ?? this.o.deadlineMs, o.signal);
  }

  key(): string {
    return `conformance/${randomUUID()}`;
  }

  target(): string {
    this.#n += 1;
    const target = join(this.world.mountRoot, `t${this.#n}`);
    this.#targets.push(target);
    return target;
  }

  hook<K extends 'another' | 'enlarge' | 'copy' | 'use'>(name: K): NonNullable<HostWorld[K]> {
    const h = this.world[name];
    if (h === undefined) skip(`the test gives no ${name}()`);
    return h.bind(this.world) as NonNullable<HostWorld[K]>;
  }

  async open(key = this.key(), host = this.host): Promise<HostSession> {
    const s = await host.open(key, this.ctx());
    this.#sessions.add(s);
    return s;
  }

  async make(holds: Holding = 'blank'): Promise<Attachment> {
    const a = await this.world.makeAttachment({ sizeBytes: this.size, holds });
    this.#attachments.push(a);
    return a;
  }

  /** A new disk, connected in a session of its own. */
  async bed(holds: Holding = 'blank', a?: Attachment): Promise<Bed> {
    const key = this.key();
    const session = await this.open(key);
    const at = a ?? (await this.make(holds));
    if (a !== undefined) this.#attachments.push(a);
    return { key, a: at, session, device: await session.connect(at, { readonly: false }, this.ctx()) };
  }

  /** A new disk with a file system. */
  async formatted(uuid: string = randomUUID()): Promise<Bed & { readonly uuid: string }> {
    const b = await this.bed();
    await b.session.format(b.device, { fsType: this.fsType, uuid, options: {} }, this.ctx());
    return { ...b, uuid };
  }

  spec(target: string, more: Partial<MountSpec> = {}): MountSpec {
    const { fsType } = this;
    return {
      target,
      fsType,
      readonly: false,
      options: [],
      subdir: '/data',
      owner: { mode: 0o700 },
      makeSubdir: true,
      ...more,
    };
  }

  /** A new disk with a file system, mounted. */
  async mounted(): Promise<Bed & { readonly uuid: string; readonly target: string; readonly mount: HostMount }> {
    const b = await this.formatted();
    const target = this.target();
    return { ...b, target, mount: await b.session.mount(b.device, this.spec(target), this.ctx()) };
  }

  code(e: unknown): Code | undefined {
    return codeOf(e, this.o.classify);
  }

  settle<T>(p: Promise<T>): Promise<Settled<T>> {
    return settle(p);
  }

  rejects(what: string, p: Promise<unknown>, ...codes: Code[]): Promise<unknown> {
    return rejects(what, p, codes, this.o.classify);
  }

  /** Everything that the rule left: so that a rule that fails leaves no mount and no device behind. */
  async tidy(): Promise<void> {
    for (const s of this.#sessions) await settle(s.release());
    const s = await settle(this.host.open(this.key(), this.ctx()));
    if (!s.ok) return;
    for (const target of this.#targets) await settle(s.value.unmount(target, {}, this.ctx()));
    for (const a of this.#attachments) await settle(s.value.disconnect(a, this.ctx()));
    await settle(s.value.release());
  }
}
