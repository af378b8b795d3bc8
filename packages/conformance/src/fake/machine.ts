import { randomUUID } from 'node:crypto';
import { type Code, type Ctx, type ProcessIdentity, type User, VolumeError } from '@rexray/core';
import { beginWriting, endWriting, type FakeDisk, type FakeDiskSource } from './disk.ts';
import { FakeHost } from './host.ts';
import { FakeLocks } from './locks.ts';

export interface FakeMachineOptions {
  readonly disks: FakeDiskSource;
  readonly nodeId?: string;
  readonly hostname?: string;
  readonly root?: boolean;
  /** Programs that are not installed, with their packages. */
  readonly missing?: Readonly<Record<string, string>>;
  /** Online growth of ext4 answers EPERM, as in a container without CAP_SYS_RESOURCE. */
  readonly noOnlineGrow?: boolean;
}

/** A disk that is connected: a row of this machine's devices. */
export interface FakeDevice {
  readonly id: string;
  readonly kind: 'block' | 'share' | 'dir';
  readonly path: string;
  readonly devno: string;
  readonly disk: FakeDisk;
  readonly source: string;
  readonly readonly: boolean;
  sizeBytes: number;
}

export interface FakeMount {
  readonly target: string;
  readonly device: FakeDevice;
  readonly mountId: number;
  readonly devno: string;
  readonly fsType: string;
  readonly readonly: boolean;
  path: string;
  /** Written and not on the disk yet. `undefined` = deleted. */
  readonly dirty: Map<string, string | undefined>;
  frozenUntil?: number;
}

/** One call that a host driver received, in order: what a trace of a run consists of. */
export interface FakeCall {
  readonly call: string;
  readonly key?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly pid: number;
}

export interface CrashOptions {
  /** `during` leaves a half-made file system; only for `format`. Default `before`. */
  readonly when?: 'before' | 'during' | 'after';
  /** The whole machine loses power: mounts, devices and unwritten data are gone. Default: only the process dies. */
  readonly power?: boolean;
  /** Calls of that name to let pass first; default 0. */
  readonly skip?: number;
}

type Trap = {
  readonly call: string;
  skip: number;
  left: number;
  readonly when: 'before' | 'during' | 'after';
  strike(h: FakeHost, ctx: Ctx): Promise<void>;
};

const CRASH = Symbol.for('@rexray/core/SimulatedCrash');
/** What a call of a process that died ends with: nobody is there any more to undo anything. */
export const simulatedCrash = (call: string): Error =>
  Object.assign(new Error(`the process died at ${call}`), { [CRASH]: true });

/** A simulated machine: disks, devices, mounts, a page cache and processes. Several machines over one storage are several nodes. */
export class FakeMachine {
  readonly o: FakeMachineOptions;
  readonly nodeId: string;
  readonly hostname: string;
  bootId: string = randomUUID();
  readonly locks: FakeLocks = new FakeLocks();
  readonly devices: Map<string, FakeDevice> = new Map();
  readonly mounts: Map<string, FakeMount> = new Map();
  readonly hosts: Set<FakeHost> = new Set();
  /** Every call of every process, oldest first. */
  readonly calls: FakeCall[] = [];
  /** Writes that were acknowledged and could not reach a disk. */
  lostWrites = 0;
  readonly #users: Map<string, User[]> = new Map();
  #traps: Trap[] = [];
  #next = 1000;

  constructor(o: FakeMachineOptions) {
    this.o = o;
    this.nodeId = o.nodeId ?? randomUUID();
    this.hostname = o.hostname ?? `fake-${this.nodeId.slice(0, 8)}`;
  }

  number(): number {
    this.#next += 1;
    return this.#next;
  }

  /** A host driver in a process of its own. */
  host(): FakeHost {
    const h = new FakeHost(this, { bootId: this.bootId, pid: this.number(), starttime: String(this.number()) });
    this.hosts.add(h);
    return h;
  }

  identity(pid: number): ProcessIdentity | undefined {
    for (const h of this.hosts) if (h.self.pid === pid) return h.self;
    return undefined;
  }

  /**
   * The process of a host driver dies: its locks are free; devices and mounts stay, the kernel has them. Except a device
   * that its storage has taken away and that nobody has open any more: a loop device clears itself, a disk was unplugged.
   */
  kill(h: FakeHost): void {
    this.hosts.delete(h);
    this.locks.drop(h);
    for (const m of this.mounts.values()) delete m.frozenUntil;
    for (const d of [...this.devices.values()]) {
      const taken = d.disk.gone || this.o.disks.disk(d.source) !== d.disk;
      if (taken && this.mountOf(d) === undefined && this.users(d).length === 0) this.devices.delete(d.id);
    }
  }

  /** Power is lost and comes back: another boot id, no process, no mount, no device; what was not synced is gone. */
  reboot(): void {
    for (const h of [...this.hosts]) this.kill(h);
    for (const m of this.mounts.values()) {
      this.lostWrites += m.dirty.size;
      const { fs } = m.device.disk.content;
      if (fs !== undefined && !m.readonly) fs.clean = false;
      endWriting(m.device.disk, this);
    }
    this.mounts.clear();
    this.devices.clear();
    this.#users.clear();
    this.bootId = randomUUID();
  }

  /** Somebody else's process has a device: `open` makes unmounts busy, `mount` (a container's own mount namespace) survives them. */
  use(target: string, how: User['how'], command = 'container'): Disposable & { readonly pid: number } {
    const m = this.mounts.get(target);
    if (m === undefined) throw new Error(`${target} is not mounted`);
    const user: User = { pid: this.number(), command, how };
    const of = this.#users.get(m.device.id) ?? [];
    this.#users.set(m.device.id, [...of, user]);
    const release = (): void => {
      this.#users.set(
        m.device.id,
        (this.#users.get(m.device.id) ?? []).filter((u) => u !== user),
      );
    };
    return { pid: user.pid, [Symbol.dispose]: release };
  }

  users(device: FakeDevice): readonly User[] {
    return this.#users.get(device.id) ?? [];
  }

  mountOf(device: FakeDevice): FakeMount | undefined {
    for (const m of this.mounts.values()) if (m.device === device) return m;
    return undefined;
  }

  /** Dies at a call of this name (`format`, `mount`, `open` …), or at any (`*`). */
  crashAt(call: string, o: CrashOptions = {}): void {
    this.#traps.push({
      call,
      skip: o.skip ?? 0,
      left: 1,
      when: o.when ?? 'before',
      strike: async (h) => {
        if (o.power === true) this.reboot();
        else this.kill(h);
        throw simulatedCrash(call);
      },
    });
  }

  /** Calls of this name fail; `after` = their effect has happened. */
  fail(
    call: string,
    error: Code | Error,
    o: { readonly times?: number; readonly after?: 'effect'; readonly skip?: number } = {},
  ): void {
    const when = o.after === 'effect' ? 'after' : 'before';
    const raise = async (): Promise<never> => {
      throw typeof error === 'string'
        ? new VolumeError(error, `The simulated machine was told to fail ${call} with ${error}.`, {
            details: {} as never,
          })
        : error;
    };
    this.#traps.push({ call, skip: o.skip ?? 0, left: o.times ?? 1, when, strike: raise });
  }

  /** Calls of this name do not answer until released or aborted. */
  hang(call: string, o: { readonly times?: number; readonly when?: 'before' | 'after' } = {}): { release(): void } {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const wait = (_: FakeHost, { signal }: Ctx): Promise<void> =>
      new Promise((resolve, reject) => {
        const abort = (): void => reject(signal.reason as Error);
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        void released.then(resolve).finally(() => signal.removeEventListener('abort', abort));
      });
    this.#traps.push({
      call,
      skip: 0,
      left: o.times ?? Number.POSITIVE_INFINITY,
      when: o.when ?? 'before',
      strike: wait,
    });
    return { release: () => release() };
  }

  clearTraps(): void {
    this.#traps = [];
  }

  /** @internal The trap that a call falls into now. */
  trap(call: string, when: Trap['when']): Trap['strike'] | undefined {
    for (const t of this.#traps) {
      if (t.left === 0 || t.when !== when || (t.call !== call && t.call !== '*')) continue;
      if (t.skip > 0) {
        t.skip -= 1;
        continue;
      }
      t.left -= 1;
      return t.strike;
    }
    return undefined;
  }

  /** Writes a small file below a mount, as a container would: acknowledged from memory, on the disk after sync or unmount. */
  write(path: string, text: string | undefined): void {
    const { mount, inside } = this.#inside(path);
    if (mount.readonly) throw Object.assign(new Error(`EROFS: ${path}`), { code: 'EROFS' });
    if (mount.frozenUntil !== undefined && performance.now() < mount.frozenUntil) {
      throw Object.assign(new Error(`frozen: a write to ${path} would wait`), { code: 'EBUSY' });
    }
    mount.dirty.set(inside, text);
  }

  /** @returns undefined when there is no such file. */
  read(path: string): string | undefined {
    const { mount, inside } = this.#inside(path);
    if (mount.dirty.has(inside)) return mount.dirty.get(inside);
    return mount.device.disk.content.fs?.files[inside];
  }

  /** Files that a consumer of the mount sees, by path from the file system's root. */
  files(target: string): Readonly<Record<string, string>> {
    const m = this.mounts.get(target);
    const all = new Map<string, string | undefined>(Object.entries(m?.device.disk.content.fs?.files ?? {}));
    for (const [k, v] of m?.dirty ?? []) all.set(k, v);
    return Object.fromEntries([...all].filter((e): e is [string, string] => e[1] !== undefined));
  }

  /** What was written goes to the disk; where the disk is gone, or its content is no file system any more, it is lost. */
  flush(m: FakeMount): void {
    const { fs } = m.device.disk.content;
    if (m.device.disk.gone || fs === undefined) this.lostWrites += m.dirty.size;
    else {
      for (const [k, v] of m.dirty) {
        if (v === undefined) delete fs.files[k];
        else fs.files[k] = v;
      }
    }
    m.dirty.clear();
  }

  addMount(m: FakeMount): void {
    this.mounts.set(m.target, m);
    const { fs } = m.device.disk.content;
    if (m.readonly || m.device.kind !== 'block') return;
    if (fs !== undefined) fs.clean = false;
    beginWriting(m.device.disk, this);
  }

  dropMount(m: FakeMount, o: { readonly flush: boolean }): void {
    if (o.flush) this.flush(m);
    else this.lostWrites += m.dirty.size;
    const { fs } = m.device.disk.content;
    if (fs !== undefined && o.flush && !m.device.disk.gone && !m.readonly) fs.clean = true;
    endWriting(m.device.disk, this);
    this.mounts.delete(m.target);
  }

  /** What is left on this machine: mounts, devices, locks. Empty after everything was given back. */
  leaks(): readonly string[] {
    return [
      ...[...this.mounts.keys()].map((t) => `mount ${t}`),
      ...[...this.devices.values()].map((d) => `device ${d.path} (${d.source})`),
      ...this.locks.held().map((k) => `lock ${k}`),
    ];
  }

  #inside(path: string): { mount: FakeMount; inside: string } {
    const at = [...this.mounts.values()]
      .filter((m) => path === m.target || path.startsWith(`${m.target}/`))
      .sort((a, b) => b.target.length - a.target.length)[0];
    if (at === undefined) throw Object.assign(new Error(`ENOENT: nothing is mounted at ${path}`), { code: 'ENOENT' });
    return { mount: at, inside: path.slice(at.target.length) || '/' };
  }
}
