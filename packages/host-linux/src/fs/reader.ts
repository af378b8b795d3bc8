import { closeSync, fsyncSync, openSync, read as readCallback, readSync } from 'node:fs';
import { promisify } from 'node:util';

const readAsync = promisify(readCallback);

/** What is looked at: a block device, or an image file itself. */
export interface Place {
  /** Device node, image file, or `/proc/self/fd/N`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** The image file behind a loop device; the same as `path` for an image file. Absent for other disks. */
  readonly backing?: string;
}

/** Positioned reads. Reads are clipped at the end: a shorter buffer is an answer, not an error. */
export interface Reader {
  readonly sizeBytes: number;
  /** On this thread: for the few small reads of the usual way. */
  read(at: number, length: number): Buffer;
  /** On a pool thread: for the many reads of a proof. The buffer is only valid until the next call with it. */
  readInto(buffer: Buffer, at: number): Promise<Buffer>;
}

function fill(fd: number, buffer: Buffer, at: number): Buffer {
  let done = 0;
  while (done < buffer.length) {
    const n = readSync(fd, buffer, done, buffer.length - done, at + done);
    if (n === 0) break;
    done += n;
  }
  return buffer.subarray(0, done);
}

async function fillAsync(fd: number, buffer: Buffer, at: number): Promise<Buffer> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await readAsync(fd, buffer, done, buffer.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** Opens read-only for the length of `body`; never writes. */
export async function withReader<T>(place: Place, body: (reader: Reader) => T | Promise<T>): Promise<T> {
  const fd = openSync(place.path, 'r');
  const { sizeBytes } = place;
  const clip = (at: number, length: number): number => Math.max(0, Math.min(length, sizeBytes - at));
  try {
    return await body({
      sizeBytes,
      read: (at, length) => (at < 0 ? Buffer.alloc(0) : fill(fd, Buffer.alloc(clip(at, length)), at)),
      readInto: (buffer, at) => fillAsync(fd, buffer.subarray(0, clip(at, buffer.length)), at),
    });
  } finally {
    closeSync(fd);
  }
}

/** Everything written to it is on the disk: also what sits in a device's own cache, and not yet in the image behind it. */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const ZEROS = Buffer.alloc(1024 * 1024);

/** Index of the first byte that is not zero; -1 = none. */
export function firstNonZero(data: Buffer): number {
  for (let from = 0; from < data.length; from += ZEROS.length) {
    const part = data.subarray(from, from + ZEROS.length);
    if (part.equals(ZEROS.subarray(0, part.length))) continue;
    return from + part.findIndex((byte) => byte !== 0);
  }
  return -1;
}

/** Sixteen bytes as a UUID in lower case. */
export function uuidAt(data: Buffer, at: number): string {
  const hex = data.toString('hex', at, at + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Text up to the first NUL. */
export function textAt(data: Buffer, at: number, length: number): string {
  const end = data.subarray(at, at + length).indexOf(0);
  return data.toString('utf8', at, at + (end === -1 ? length : end));
}
