/**
 * The host driver interface: everything that touches a device, a mount or a file system of this node, behind one lock per
 * volume. In-process or in a worker process: all arguments and results are plain data.
 */
import type { Bytes } from './bytes.ts';
import type { Ctx } from './context.ts';
import type { Attachment, NodeFacts } from './driver.ts';
import type { DataOwner, FsType } from './record.ts';
import type { ProcessIdentity } from './store.ts';

/** What this machine can do, and what is missing for the rest. */
export interface HostFacts extends NodeFacts {
  readonly kernel: string;
  readonly root: boolean;
  /** Loop devices can be configured (`/dev/loop-control` is there and we may use it). */
  readonly loop: boolean;
  /** Programs that were not found, with the Debian package that brings them: `{ 'mkfs.xfs': 'xfsprogs' }`. */
  readonly missing: Readonly<Record<string, string>>;
}

/** A volume that is reachable on this node. `id` is valid in its session only. */
export interface Device {
  readonly id: string;
  readonly kind: 'block' | 'share' | 'dir';
  /** Block: device node. Share: source. Dir: the directory. */
  readonly path: string;
  /** Block: `major:minor`. Dir and share: empty. */
  readonly devno: string;
  readonly sizeBytes: Bytes;
  readonly readonly: boolean;
  /** Loop devices: the image's device and inode, as decimal strings; what identity means across restarts (S12). */
  readonly backing?: { readonly dev: string; readonly ino: string };
  /** This session made the connection (an undo may take it back); false: it was there before. */
  readonly fresh: boolean;
  readonly directIo?: boolean;
}

/** What stands on a device, found without writing. */
export interface Probe {
  /**
   * `blank` proven to hold nothing (S2) · `fs` a file system that we know · `foreign` a signature of something else ·
   * `damaged` traces of a file system that does not verify (backup superblock only, bad magic) · `unknown` no signature, but not proven blank.
   */
  readonly verdict: 'blank' | 'fs' | 'foreign' | 'damaged' | 'unknown';
  readonly fsType?: string;
  readonly uuid?: string;
  readonly label?: string;
  /** Superblock says cleanly unmounted and no error was recorded. */
  readonly clean?: boolean;
  /** Size of the file system in bytes, where it can be read. */
  readonly fsBytes?: number;
  /** For people: what was found and where, e.g. `LUKS header at byte 0`. */
  readonly found?: string;
  /** Where data was first found, in bytes. */
  readonly at?: number;
}

export interface MountSpec {
  readonly target: string;
  readonly fsType?: FsType | string;
  readonly readonly: boolean;
  /** Option strings; the host lets through what its tables allow (S21). */
  readonly options: readonly string[];
  /** Mount an XFS copy beside its original (`nouuid`); set by the host's own newUuid only. */
  readonly nouuid?: boolean;
  /** Sub-directory that is returned to the caller, below the mount (`/data`, or `/` for the root). */
  readonly subdir: string;
  /** Made 0700 root unless said otherwise; only when it does not exist. */
  readonly owner: DataOwner;
  /** Make the sub-directory if it is missing. False for read-only mounts. */
  readonly makeSubdir: boolean;
}

/** A mount that this node has, as the kernel says. */
export interface HostMount {
  readonly target: string;
  /** What is returned to callers: target plus sub-directory. */
  readonly path: string;
  readonly devno: string;
  readonly mountId: number;
  readonly fsType: string;
  readonly readonly: boolean;
}

/** A row of the mount table of this node's mount namespace. */
export interface MountEntry {
  readonly mountId: number;
  readonly devno: string;
  readonly root: string;
  readonly target: string;
  readonly fsType: string;
  readonly source: string;
  readonly readonly: boolean;
}

/** A process that has the volume mounted or open. */
export interface User {
  readonly pid: number;
  readonly command: string;
  /** `mount`: in its mount namespace; `open`: holds the device. */
  readonly how: 'mount' | 'open';
}

export interface HostDriver {
  /** @throws never for a missing program: that is a fact (`missing`). */
  facts(ctx: Ctx): Promise<HostFacts>;

  /**
   * Takes the lock of one volume on this host (S4) — across processes and namespaces — and with it a session in which
   * devices can be used. Waits until the deadline. @throws `busy` naming what is going on (`stuck`, pid, since).
   */
  open(key: string, ctx: Ctx): Promise<HostSession>;

  /** Mounts of this node below a directory, by target. Takes no lock and touches no mounted path. */
  mounts(below: string, ctx: Ctx): Promise<readonly MountEntry[]>;

  /** Whether mkfs and mount would be given these options (S21), before anything is made for them. Touches nothing. @throws `invalid` */
  checkOptions?(
    o: {
      readonly fsType: FsType;
      readonly mkfs?: Readonly<Record<string, string>>;
      readonly mountOptions?: readonly string[];
    },
    ctx: Ctx,
  ): Promise<void>;

  /** Boot id and start time of a process of this host; undefined when it does not live (a zombie whose threads are gone is dead). */
  identify(pid: number, ctx: Ctx): Promise<ProcessIdentity | undefined>;

  close(): Promise<void>;
}

/** What may be done to one volume's device while its lock is held. Nothing here decides *whether*: the integration does. */
export interface HostSession {
  /** Make it reachable; idempotent: the same image or disk gives the same device (S7). Waits for disks until the deadline. @throws `unavailable`, `denied` (S22) */
  connect(a: Attachment, o: { readonly readonly: boolean; readonly blockSize?: number }, ctx: Ctx): Promise<Device>;
  /** Post-state: nothing of it is left on this host, checked (S7). Already so = ok. @throws `in_use` with pids when somebody still has it. */
  disconnect(a: Attachment, ctx: Ctx): Promise<void>;
  /** The device of an attachment that is connected now; undefined if it is not. Never connects. */
  find(a: Attachment, ctx: Ctx): Promise<Device | undefined>;

  /** S6: nobody has it — exclusive open for block devices, a clean scan for the rest. @throws `in_use` with pids. */
  assertUnused(device: Device, ctx: Ctx): Promise<void>;
  users(device: Device, ctx: Ctx): Promise<readonly User[]>;

  /** Read only. `prove` also gathers S2's positive evidence (`blank` is answered only then, and only with it). */
  probe(device: Device, o: { readonly prove: boolean }, ctx: Ctx): Promise<Probe>;
  /** mkfs with this UUID, durable. Refuses by itself when the device is in use. @throws `unavailable` naming the package of a missing mkfs, `invalid`, `out_of_range` (too small for the file system) */
  format(
    device: Device,
    o: {
      readonly fsType: FsType;
      readonly uuid: string;
      readonly options: Readonly<Record<string, string>>;
      readonly wipe?: boolean;
    },
    ctx: Ctx,
  ): Promise<void>;
  /** Repair what a journal replay repairs, refuse the rest (S24). @throws `data_loss` with what the checker said; nothing was changed then. */
  check(
    device: Device,
    o: { readonly fsType: FsType; readonly repair: boolean },
    ctx: Ctx,
  ): Promise<{ readonly clean: boolean; readonly said?: string }>;
  /**
   * Give a copy its own UUID (S25). Pre-state: unused. Looks at it first as `check` with `repair` does, and finishes a
   * change that was interrupted. @throws `data_loss` with what the checker said; nothing was changed then
   */
  newUuid(device: Device, o: { readonly fsType: FsType; readonly uuid: string }, ctx: Ctx): Promise<void>;

  /** Mount and verify (S20): seen in the consumers' namespace, sub-directory real. Same device already at that target = ok. @throws `invalid`, `in_use`, `data_loss` */
  mount(device: Device, spec: MountSpec, ctx: Ctx): Promise<HostMount>;
  /** Post-state: no mount at the target in our namespace, mountpoint removed. Not mounted = ok. `kill` = shutdown ioctl first, so that no dirty page is written (S11). @throws `in_use` with pids */
  unmount(target: string, o: { readonly kill?: boolean; readonly expectDevno?: string }, ctx: Ctx): Promise<void>;
  mounted(target: string, ctx: Ctx): Promise<HostMount | undefined>;

  /** Grow the file system to its device. `false`: it can only be done at the next mount (S17). */
  grow(
    device: Device,
    o: { readonly fsType: FsType; readonly target?: string },
    ctx: Ctx,
  ): Promise<{ readonly grown: boolean; readonly fsBytes?: number; readonly why?: string }>;
  /** Re-read the size of the backing (after the backend grew it). */
  refresh(device: Device, ctx: Ctx): Promise<Device>;

  /** Flush and hold writes of a mounted file system; thaws by itself after `maxMs` or when the session ends (S16). @throws `unsupported` */
  freeze(target: string, o: { readonly maxMs: number }, ctx: Ctx): Promise<void>;
  /** @returns false when it had thawed by itself: what was copied meanwhile is not consistent. */
  thaw(target: string, ctx: Ctx): Promise<{ readonly held: boolean }>;
  sync(target: string, ctx: Ctx): Promise<void>;

  /** Gives the lock back by closing it: a child that still runs keeps it (S4). */
  release(): Promise<void>;
}
