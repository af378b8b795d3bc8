/** Mounting: the new mount API (Linux ≥ 5.2, mount_setattr 5.12) and umount2. Calls that may block run on a pool thread. */
import { constants } from 'node:os';
import { KernelError } from './errors.ts';
import { call, callAsync, tryCall } from './libc.ts';
import { closeFd } from './open.ts';

const SYS = { open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, mount_setattr: 442 } as const;
const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;

/** Flags of a mount as seen through it (linux/mount.h), not of the file system. */
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x200000,
} as const;

/** Flags of mount(2) (linux/mount.h). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 0x20,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
} as const;

/** A parameter of a file system: a flag (`ro`) or a key with a value (`errors`, `remount-ro`). */
export type FsParameter = readonly [key: string] | readonly [key: string, value: string];

/**
 * Makes a mount that is attached nowhere yet: it can be looked into through its descriptor, is in no mount table and
 * vanishes when the descriptor is closed. @param source a device node; absent for file systems without one
 * @throws KernelError with `said`, the file system's own words (often none): `ENODEV` unknown type · `EINVAL` wrong file
 * system or bad option · `EBUSY` held by another opener · `EACCES` writing to a read-only device · `EIO` loop not bound
 */
export async function fsMount(
  fsType: string,
  o: { readonly source?: string; readonly parameters?: readonly FsParameter[]; readonly attributes?: number },
): Promise<number> {
  const fs = call('fsopen', [SYS.fsopen, fsType, FSOPEN_CLOEXEC], fsType);
  const step = (about: string, errno: number): KernelError => new KernelError('mount', errno, about, messages(fs));
  try {
    const set = (key: string, value: string | null): void => {
      const command = value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING;
      const { errno } = tryCall('fsconfig', [SYS.fsconfig, fs, command, key, value, 0]);
      if (errno !== 0) throw step(`option ${value === null ? key : `${key}=${value}`}`, errno);
    };
    if (o.source !== undefined) set('source', o.source);
    for (const [key, value] of o.parameters ?? []) set(key, value ?? null);
    await callAsync('fsconfig', [SYS.fsconfig, fs, FSCONFIG.CMD_CREATE, null, null, 0]).catch((e: unknown) => {
      throw e instanceof KernelError ? step(`${fsType} ${o.source ?? ''}`.trim(), e.errno) : e;
    });
    return call('fsmount', [SYS.fsmount, fs, FSMOUNT_CLOEXEC, o.attributes ?? 0], fsType);
  } finally {
    closeFd(fs);
  }
}

/** What the file system wrote to its context so far, without the leading severity (`e `, `w `, `i `). */
function messages(fs: number): string[] {
  const said: string[] = [];
  const b = Buffer.alloc(4096);
  for (let i = 0; i < 16; i++) {
    const { result, errno } = tryCall('read', [fs, b, b.length]);
    if (errno !== 0 || result <= 0) break;
    said.push(
      b
        .toString('utf8', 0, result)
        .trim()
        .replace(/^[ewi] /, ''),
    );
  }
  return said;
}

/** Attaches a detached mount onto a directory given by descriptor (O_PATH will do): no path is walked again. */
export function moveMount(mountFd: number, targetFd: number): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  call('moveMount', [SYS.move_mount, mountFd, '', targetFd, '', flags], 'move_mount');
}

/** A detached bind mount of the directory of a descriptor (that mount alone, nothing below it). */
export const cloneTree = (fd: number): number =>
  call('openTree', [SYS.open_tree, fd, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH], 'open_tree');

/** Sets attributes of a mount ({@link MOUNT_ATTR}), attached or not. */
export function setMountAttributes(fd: number, set: number): void {
  const b = Buffer.alloc(32); // mount_attr: attr_set, attr_clr, propagation, userns_fd
  b.writeBigUInt64LE(BigInt(set), 0);
  call('mountSetattr', [SYS.mount_setattr, fd, '', AT_EMPTY_PATH, b, b.length], 'mount_setattr');
}

/** mount(2). @throws KernelError; `EINVAL` stands for many things: probe first */
export async function mount(
  source: string | null,
  target: string,
  fsType: string | null,
  flags: number,
  data: string | null = null,
): Promise<void> {
  await callAsync('mount', [source, target, fsType, flags, data], `${source ?? 'none'} on ${target}`);
}

/** Flags of umount2(2). */
export const UMOUNT = { FORCE: 1, DETACH: 2, EXPIRE: 4, NOFOLLOW: 8 } as const;

/**
 * umount2(2), by default without following a link at the end. The file system writes its dirty pages meanwhile: this may block.
 * Success does not mean that nobody has it: other mount namespaces keep it alive (S6), and a frozen one stays frozen (S16).
 * @returns false when nothing is mounted there (EINVAL, ENOENT)
 * @throws KernelError `EBUSY` open files or mounts below; `EPERM`
 */
export async function unmount(target: string, flags: number = UMOUNT.NOFOLLOW): Promise<boolean> {
  try {
    await callAsync('umount2', [target, flags], target);
    return true;
  } catch (e) {
    const { EINVAL, ENOENT } = constants.errno;
    if (e instanceof KernelError && (e.errno === EINVAL || e.errno === ENOENT)) return false;
    throw e;
  }
}
