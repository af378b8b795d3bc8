import { constants } from 'node:os';
import { KernelError } from './errors.ts';
import { call, callAsync, tryCall } from './libc.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FICLONE = 0x40049409;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_IMMUTABLE_FL = 0x10;
const FALLOC_KEEP_SIZE = 1;
const FALLOC_PUNCH_HOLE = 2;

/**
 * flock(2), exclusive, without waiting. There is no unlock on purpose: an explicit one would free the lock for children
 * that inherited the descriptor as well, so a lock is given back by closing only (S4).
 * @returns false when another open file has it
 */
export function tryLock(fd: number): boolean {
  const { errno } = tryCall('flock', [fd, LOCK_EX | LOCK_NB]);
  if (errno === 0) return true;
  if (errno === constants.errno.EAGAIN) return false;
  throw new KernelError('flock', errno);
}

/**
 * Offset of the next data at or after `offset`; undefined when there is none (ENXIO). Sees data that is not yet on disk;
 * not ranges that were punched, zeroed or preallocated. A file system without holes answers `offset` itself.
 */
export function seekData(fd: number, offset = 0): number | undefined {
  const { result, errno } = tryCall('lseek', [fd, offset, SEEK_DATA]);
  if (errno === 0) return result;
  if (errno === constants.errno.ENXIO) return undefined;
  throw new KernelError('lseek SEEK_DATA', errno);
}

/** Offset of the next hole at or after `offset` (the end of the file counts as one). @throws KernelError `ENXIO` beyond the end */
export const seekHole = (fd: number, offset: number): number => call('lseek', [fd, offset, SEEK_HOLE], 'SEEK_HOLE');

/** The data extents of a file as `[from, to)`; what a sparse copy has to copy. */
export function* dataExtents(fd: number): Generator<readonly [from: number, to: number]> {
  for (let at = seekData(fd); at !== undefined; ) {
    const end = seekHole(fd, at);
    yield [at, end];
    at = seekData(fd, end);
  }
}

/**
 * FICLONE: makes `toFd` share all blocks of `fromFd` (xfs, btrfs). On a pool thread.
 * @throws KernelError `EOPNOTSUPP` (ext4), `EXDEV`, `EINVAL` where it cannot
 */
export async function reflink(fromFd: number, toFd: number): Promise<void> {
  // The ioctl takes the source descriptor as its argument, not a pointer.
  await callAsync('ioctlInt', [toFd, FICLONE, fromFd], 'FICLONE');
}

/** Gives a range back to the file system; reads as zeros afterwards, the size stays. @throws KernelError `EOPNOTSUPP` */
export const punchHole = (fd: number, offset: number, length: number): Promise<number> =>
  callAsync('fallocate', [fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, offset, length], 'PUNCH_HOLE');

/** Reserves space without changing content. @throws KernelError `ENOSPC`, `EOPNOTSUPP` */
export const allocate = (fd: number, offset: number, length: number): Promise<number> =>
  callAsync('fallocate', [fd, FALLOC_KEEP_SIZE, offset, length], 'KEEP_SIZE');

function inodeFlags(fd: number): number {
  const b = Buffer.alloc(8);
  call('ioctl', [fd, FS_IOC_GETFLAGS, b], 'FS_IOC_GETFLAGS');
  return b.readUInt32LE(0);
}

/** Whether `chattr +i` is set. @throws KernelError `ENOTTY` where the file system has no such flags (tmpfs before 6.6, overlay) */
export const isImmutable = (fd: number): boolean => (inodeFlags(fd) & FS_IMMUTABLE_FL) !== 0;

/** Sets or clears the immutable flag. @throws KernelError `ENOTTY`, `EOPNOTSUPP`, `EPERM` without CAP_LINUX_IMMUTABLE */
export function setImmutable(fd: number, on: boolean): void {
  const before = inodeFlags(fd);
  const after = on ? before | FS_IMMUTABLE_FL : before & ~FS_IMMUTABLE_FL;
  if (after === before) return;
  const b = Buffer.alloc(8);
  b.writeUInt32LE(after, 0);
  call('ioctl', [fd, FS_IOC_SETFLAGS, b], 'FS_IOC_SETFLAGS');
}
