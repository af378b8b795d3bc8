import { call } from './libc.ts';

export const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const SYS_OPENAT2 = 437;
const F_GETFD = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Open flags that node:fs does not name (asm-generic/fcntl.h; the same on x86-64 and arm64). */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

/** How openat2 may walk (linux/openat2.h). */
export const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16 } as const;

/**
 * openat2(2): opens below `dirfd` and says how the path may be walked. The descriptor is CLOEXEC and belongs to libc:
 * reach it from node:fs only as {@link fdPath}, close it with {@link closeFd} (Deno does not know it).
 * @param dirfd {@link AT_FDCWD} for the working directory
 * @throws KernelError `ELOOP` a symbolic link; `EXDEV` `..`, an absolute path or (NO_XDEV) a mount point; `ENOENT`, `ENOTDIR`
 */
export function openat2(
  dirfd: number,
  path: string,
  o: { readonly flags: number; readonly mode?: number; readonly resolve?: number },
): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(o.flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(o.mode ?? 0), 8);
  how.writeBigUInt64LE(BigInt(o.resolve ?? 0), 16);
  return call('openat2', [SYS_OPENAT2, dirfd, path, how, how.length], path);
}

/** A path that names an open descriptor of this process: what node:fs can use of a libc descriptor. */
export const fdPath = (fd: number): string => `/proc/self/fd/${fd}`;

/** close(2) of a descriptor that came from this package. Errors are of no use here and are left out. */
export function closeFd(fd: number): void {
  try {
    call('close', [fd]);
  } catch {
    // Linux has freed the number whatever it answered.
  }
}

/** Children do not inherit the descriptor (for descriptors of other libraries, such as lmdb's). */
export function setCloexec(fd: number, on = true): void {
  const flags = call('fcntl', [fd, F_GETFD, 0], `fd ${fd}`);
  call('fcntl', [fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC], `fd ${fd}`);
}
export const isCloexec = (fd: number): boolean => (call('fcntl', [fd, F_GETFD, 0], `fd ${fd}`) & FD_CLOEXEC) !== 0;

/** What statx(2) knows and stat does not: the mount that a file is reached through. */
export interface Statx {
  readonly mode: number;
  readonly nlink: number;
  readonly ino: bigint;
  /** `major:minor` of the file system. */
  readonly devno: string;
  /** `major:minor` of a device node; `0:0` for other files. */
  readonly rdevno: string;
  readonly mountId: number;
  readonly immutable: boolean;
  readonly mountRoot: boolean;
}

/** statx(2), symbolic links not followed. With an empty path, of `dirfd` itself. @throws KernelError */
export function statx(dirfd: number, path = ''): Statx {
  const b = Buffer.alloc(256);
  const MNT_ID = 0x1000;
  const BASIC = 0x7ff;
  call('statx', [dirfd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, BASIC | MNT_ID, b], path || `fd ${dirfd}`);
  const attributes = b.readUInt32LE(8);
  return {
    mode: b.readUInt16LE(28),
    nlink: b.readUInt32LE(16),
    ino: b.readBigUInt64LE(32),
    rdevno: `${b.readUInt32LE(128)}:${b.readUInt32LE(132)}`,
    devno: `${b.readUInt32LE(136)}:${b.readUInt32LE(140)}`,
    mountId: Number(b.readBigUInt64LE(144)),
    immutable: (attributes & 0x10) !== 0,
    mountRoot: (attributes & 0x2000) !== 0,
  };
}

/** `major:minor` of a `dev` or `rdev` number of node:fs (glibc's encoding). */
export function devnoOf(dev: number | bigint): string {
  const d = BigInt(dev);
  const major = ((d >> 8n) & 0xfffn) | ((d >> 32n) & ~0xfffn);
  const minor = (d & 0xffn) | ((d >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
