/** Loop devices (linux/loop.h). A device is addressed by an open descriptor of `/dev/loopN`, never by its number alone. */
import { closeSync, constants as fs, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { KernelError } from './errors.ts';
import { call, tryCall } from './libc.ts';

const LOOP_CLR_FD = 0x4c01;
const LOOP_GET_STATUS64 = 0x4c05;
const LOOP_SET_CAPACITY = 0x4c07;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CTL_ADD = 0x4c80;
const LOOP_CTL_GET_FREE = 0x4c82;

export const LO_FLAGS = { READ_ONLY: 1, AUTOCLEAR: 4, PARTSCAN: 8, DIRECT_IO: 16 } as const;
/** Tries for a free device: six processes at once needed 22 at worst. */
const CONFIGURE_TRIES = 64;
const INFO_SIZE = 232;

/** What a bound loop device is backed by. `dev` and `ino` equal those of a bigint `stat` of the image. */
export interface LoopStatus {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly number: number;
  readonly offset: bigint;
  readonly sizeLimit: bigint;
  /** {@link LO_FLAGS} */
  readonly flags: number;
}

export interface LoopOptions {
  readonly readonly?: boolean;
  /** Logical sector size in bytes, 512 to 65536. 4096 makes file systems with smaller sectors unmountable (S7). Default 512. */
  readonly blockSize?: number;
  /** Ask for direct I/O; read {@link loopDirectIo} back: the kernel may refuse in silence. */
  readonly directIo?: boolean;
  /** The binding goes with its last opener or mount. Default true. */
  readonly autoclear?: boolean;
}

export interface Loop {
  readonly number: number;
  readonly path: string;
  /** Open descriptor of the device, of node:fs: pins the number (and, with autoclear, the binding). */
  readonly fd: number;
}

export const loopPath = (number: number): string => `/dev/loop${number}`;

function control<T>(f: (fd: number) => T): T {
  const fd = openSync('/dev/loop-control', fs.O_RDWR);
  try {
    return f(fd);
  } finally {
    closeSync(fd);
  }
}

/** A number that was free a moment ago; the kernel makes the device node. Another process may take it first. */
export const loopGetFree = (): number =>
  control((fd) => call('ioctlInt', [fd, LOOP_CTL_GET_FREE, 0], 'LOOP_CTL_GET_FREE'));

/** Makes the device of a given number. @throws KernelError `EEXIST` */
export const loopAdd = (number: number): number =>
  control((fd) => call('ioctlInt', [fd, LOOP_CTL_ADD, number], 'LOOP_CTL_ADD'));

function configureBlock(fileFd: number, o: LoopOptions): Buffer {
  const flags =
    (o.readonly ? LO_FLAGS.READ_ONLY : 0) |
    (o.autoclear === false ? 0 : LO_FLAGS.AUTOCLEAR) |
    (o.directIo ? LO_FLAGS.DIRECT_IO : 0);
  const b = Buffer.alloc(304); // loop_config: fd @0, block_size @4, loop_info64 @8 (lo_flags at 52 of it)
  b.writeUInt32LE(fileFd, 0);
  b.writeUInt32LE(o.blockSize ?? 512, 4);
  b.writeUInt32LE(flags, 8 + 52);
  return b;
}

/** LOOP_CONFIGURE of one open device. @throws KernelError `EBUSY` bound already; `EINVAL` a block size that cannot be */
export function loopConfigure(loopFd: number, fileFd: number, o: LoopOptions = {}): void {
  call('ioctl', [loopFd, LOOP_CONFIGURE, configureBlock(fileFd, o)], 'LOOP_CONFIGURE');
}

/**
 * Binds a file to a free loop device and returns it open. With autoclear (the default) closing that descriptor before
 * somebody else holds the device undoes it: configure → mount → close. The file may be closed at once. The caller makes
 * sure that the image has no other loop device: the kernel would give a second one without complaint (S7).
 * @throws KernelError `EBUSY` when 64 tries met other takers
 */
export function loopAttach(fileFd: number, o: LoopOptions = {}): Loop {
  const block = configureBlock(fileFd, o);
  for (let i = 0; i < CONFIGURE_TRIES; i++) {
    const number = loopGetFree();
    const path = loopPath(number);
    const fd = openSync(path, o.readonly ? fs.O_RDONLY : fs.O_RDWR);
    const { errno } = tryCall('ioctl', [fd, LOOP_CONFIGURE, block]);
    if (errno === 0) return { number, path, fd };
    closeSync(fd);
    if (errno !== constants.errno.EBUSY) throw new KernelError('ioctl', errno, `LOOP_CONFIGURE ${path}`);
  }
  throw new KernelError('ioctl', constants.errno.EBUSY, `LOOP_CONFIGURE (${CONFIGURE_TRIES} tries)`);
}

/** What an open loop device is bound to; undefined when it is not (ENXIO). @throws KernelError `EIO` when the file system of its image has failed */
export function loopStatus(loopFd: number, path?: string): LoopStatus | undefined {
  const b = Buffer.alloc(INFO_SIZE);
  const { errno } = tryCall('ioctl', [loopFd, LOOP_GET_STATUS64, b]);
  if (errno === constants.errno.ENXIO) return undefined;
  if (errno !== 0) throw new KernelError('ioctl', errno, `LOOP_GET_STATUS64${path === undefined ? '' : ` ${path}`}`);
  return {
    dev: b.readBigUInt64LE(0),
    ino: b.readBigUInt64LE(8),
    offset: b.readBigUInt64LE(24),
    sizeLimit: b.readBigUInt64LE(32),
    number: b.readUInt32LE(40),
    flags: b.readUInt32LE(52),
  };
}

/** Asks to unbind. Success proves nothing: with other openers it only sets autoclear. @returns false when it was not bound */
export function loopClear(loopFd: number): boolean {
  const { errno } = tryCall('ioctlInt', [loopFd, LOOP_CLR_FD, 0]);
  if (errno !== 0 && errno !== constants.errno.ENXIO) throw new KernelError('ioctl', errno, 'LOOP_CLR_FD');
  return errno === 0;
}

/** Takes over a new size of the backing file; also while mounted. */
export const loopSetCapacity = (loopFd: number): number =>
  call('ioctlInt', [loopFd, LOOP_SET_CAPACITY, 0], 'LOOP_SET_CAPACITY');

/** Whether the kernel really does direct I/O to the image: CONFIGURE may have dropped the wish without an error. */
export const loopDirectIo = (number: number): boolean =>
  readFileSync(`/sys/block/loop${number}/loop/dio`, 'latin1').trim() === '1';

/**
 * Numbers of the loop devices that are bound now: those with a size stand in /proc/partitions, one short read, however many
 * devices the machine keeps from earlier (64 of them in /sys cost a millisecond). A device without a size is not among them.
 */
export const boundLoops = (): number[] =>
  [...readFileSync('/proc/partitions', 'latin1').matchAll(/ loop(\d+)$/gm)].map(([, number]) => Number(number));

/** What a device answers whose backing file's own file system has failed: shut down, or a share that is gone. */
const FAILED: ReadonlySet<string> = new Set([
  ...['EIO', 'ESTALE', 'ENODEV', 'ENOTCONN', 'ESHUTDOWN', 'EUCLEAN', 'ECONNABORTED', 'ECONNRESET'],
  ...['ETIMEDOUT', 'EHOSTDOWN', 'EHOSTUNREACH', 'EREMOTEIO', 'ENOLINK'],
]);

/** Path of the file that a device is bound to, as this process would name it. The kernel asks no file system for it. */
function backingPath(number: number): string | undefined {
  try {
    return readFileSync(`/sys/block/loop${number}/loop/backing_file`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

export interface LoopSearch {
  /** `rw`: a device that can be written to is answered open for writing. Default `r`. */
  readonly mode?: 'r' | 'rw';
  /**
   * Whether the file can be asked for its inode now, or its file system answers although the file is gone. Then a device
   * that fails to tell the inode of its backing is another file's: somebody else's failed disk must not cost this one.
   */
  readonly lives?: () => boolean;
  /**
   * Whether a device may be left out unasked, by the path of its backing: LOOP_GET_STATUS64 asks the backing's own file
   * system, and waits as long as that does.
   */
  readonly skip?: (backing: string) => boolean;
}

/**
 * The loop devices that a file is bound to, opened; found by device and inode, never by path. The caller closes them.
 * One that vanishes meanwhile is not among them.
 * @throws KernelError of a device that cannot be asked, where nothing shows that it is another file's
 */
export function findLoops(dev: bigint, ino: bigint, { mode = 'r', lives, skip }: LoopSearch = {}): Loop[] {
  const found: Loop[] = [];
  let unknown: unknown;
  for (const number of boundLoops()) {
    const path = loopPath(number);
    const backing = skip === undefined ? undefined : backingPath(number);
    if (backing !== undefined && skip?.(backing)) continue;
    let fd: number;
    try {
      fd = openSync(path, fs.O_RDONLY);
    } catch {
      continue;
    }
    let s: LoopStatus | undefined;
    try {
      s = loopStatus(fd, path);
    } catch (e) {
      closeSync(fd);
      unknown = e;
      continue;
    }
    if (s?.dev !== dev || s.ino !== ino) {
      closeSync(fd);
      continue;
    }
    if (mode === 'rw' && (s.flags & LO_FLAGS.READ_ONLY) === 0) {
      const writable = openSync(path, fs.O_RDWR);
      closeSync(fd);
      fd = writable;
    }
    found.push({ number, path, fd });
  }
  const failed = unknown instanceof KernelError && FAILED.has(unknown.code);
  if (unknown === undefined || (failed && lives?.() === true)) return found;
  // It could be of this file: that it is not cannot be known, so this is no answer.
  for (const l of found) closeSync(l.fd);
  throw unknown;
}
