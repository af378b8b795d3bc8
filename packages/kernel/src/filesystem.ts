/** Calls on a mounted file system, through any descriptor on it. Those that may block run on a pool thread. */
import { call, callAsync } from './libc.ts';

const FIFREEZE = 0xc0045877;
const FITHAW = 0xc0045878;
const FS_IOC_SHUTDOWN = 0x8004587d;
const SHUTDOWN_NO_LOG_FLUSH = 2;
const FS_IOC_GETFSUUID = 0x80111500;
const BLKGETSIZE64 = 0x80081272;
const BLKSSZGET = 0x1268;
const EXT4_IOC_RESIZE_FS = 0x40086610;
const BTRFS_IOC_RESIZE = 0x50009403;
const XFS_IOC_FSGEOMETRY_V1 = 0x80705864;
const XFS_IOC_FSGROWFSDATA = 0x4010586e;

/** Flushes one file system (syncfs(2)); reports write errors of it since the descriptor was opened. */
export const syncfs = (fd: number): Promise<number> => callAsync('syncfs', [fd]);

/**
 * FIFREEZE: flush, then hold every write until {@link thaw}. @throws KernelError `EBUSY` frozen already, `EOPNOTSUPP`
 * Trap: umount2 of a frozen file system answers 0 and leaves it frozen, its image held (S16).
 */
export const freeze = (fd: number): Promise<number> => callAsync('ioctlInt', [fd, FIFREEZE, 0], 'FIFREEZE');

/** FITHAW. @returns false when it was not frozen (EINVAL) */
export function thaw(fd: number): Promise<boolean> {
  return callAsync('ioctlInt', [fd, FITHAW, 0], 'FITHAW').then(
    () => true,
    (e: unknown) => {
      if ((e as { code?: string }).code === 'EINVAL') return false;
      throw e;
    },
  );
}

/**
 * FS_IOC_SHUTDOWN without log flush: from now on every write fails with EIO and nothing dirty reaches the device (S11).
 * @throws KernelError `ENOTTY` on btrfs, where writes go on
 */
export async function shutdownFs(fd: number): Promise<void> {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(SHUTDOWN_NO_LOG_FLUSH, 0);
  await callAsync('ioctl', [fd, FS_IOC_SHUTDOWN, b], 'FS_IOC_SHUTDOWN');
}

/** UUID of a mounted ext4 or xfs, lower case with dashes. @throws KernelError `ENOTTY` on btrfs and before Linux 6.9 */
export function fsUuid(fd: number): string {
  const b = Buffer.alloc(24);
  call('ioctl', [fd, FS_IOC_GETFSUUID, b], 'FS_IOC_GETFSUUID');
  const hex = b.subarray(1, 17).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Size of a block device in bytes, by an open descriptor of it. */
export function deviceSize(fd: number): number {
  const b = Buffer.alloc(8);
  call('ioctl', [fd, BLKGETSIZE64, b], 'BLKGETSIZE64');
  return Number(b.readBigUInt64LE(0));
}

/** Logical sector size of a block device in bytes. */
export function sectorSize(fd: number): number {
  const b = Buffer.alloc(8);
  call('ioctl', [fd, BLKSSZGET, b], 'BLKSSZGET');
  return b.readInt32LE(0);
}

/**
 * Online growth of ext4. @param blocks new total in file-system blocks
 * @throws KernelError `EPERM` without CAP_SYS_RESOURCE: then it is done offline, by resize2fs
 */
export async function growExt4(fd: number, blocks: number): Promise<void> {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(blocks), 0);
  await callAsync('ioctl', [fd, EXT4_IOC_RESIZE_FS, b], 'EXT4_IOC_RESIZE_FS');
}

/** Online growth of a btrfs of one device to all of it (`max`) or to a number of bytes. @throws KernelError `EINVAL` below 256 MiB */
export async function growBtrfs(fd: number, to: number | 'max' = 'max'): Promise<void> {
  const b = Buffer.alloc(4096); // btrfs_ioctl_vol_args: fd s64, name[4088]
  b.write(String(to), 8, 'latin1');
  await callAsync('ioctl', [fd, BTRFS_IOC_RESIZE, b], 'BTRFS_IOC_RESIZE');
}

/** Block size (bytes), data blocks and the share of inodes (percent) of a mounted xfs. */
export function xfsGeometry(fd: number): {
  readonly blockSize: number;
  readonly blocks: number;
  readonly imaxpct: number;
} {
  const b = Buffer.alloc(112);
  call('ioctl', [fd, XFS_IOC_FSGEOMETRY_V1, b], 'XFS_IOC_FSGEOMETRY_V1');
  return { blockSize: b.readUInt32LE(0), imaxpct: b.readUInt32LE(28), blocks: Number(b.readBigUInt64LE(32)) };
}

/** Online growth of xfs. @param blocks new total in file-system blocks. @throws KernelError `EINVAL` when not larger, `ENOSPC` beyond the device */
export async function growXfs(fd: number, blocks: number): Promise<void> {
  const b = Buffer.alloc(16);
  b.writeBigUInt64LE(BigInt(blocks), 0);
  b.writeUInt32LE(xfsGeometry(fd).imaxpct, 8);
  await callAsync('ioctl', [fd, XFS_IOC_FSGROWFSDATA, b], 'XFS_IOC_FSGROWFSDATA');
}
