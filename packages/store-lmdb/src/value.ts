/**
 * How entries are stored: key `/<key>`, value 4 bytes of CRC-32 (little-endian) and JSON. The CRC covers key and text, so
 * that no entry can pass for another's. `#sum` holds the number of entries and the XOR of their CRCs, changed with every
 * commit: an entry that vanished, or came back, is seen too. `#layout` says how to read all this.
 */
import { crc32 } from 'node:zlib';
import { VolumeError } from '@rexray/core';

export const LAYOUT = 1;
export const LAYOUT_KEY = '#layout';
export const SUM_KEY = '#sum';
const PREFIX = '/';

export const storedKey = (key: string): string => PREFIX + key;
export const isEntry = (stored: string): boolean => stored.startsWith(PREFIX);
export const plainKey = (stored: string): string => stored.slice(PREFIX.length);

export interface Sum {
  /** Number of entries. */
  readonly n: number;
  /** XOR of their CRCs. */
  readonly x: number;
}
export const EMPTY: Sum = { n: 0, x: 0 };

export function encode(stored: string, text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.write(text, 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(4), crc32(stored)), 0);
  return bytes;
}

/** The text of an entry; undefined when its CRC does not fit. */
export function decode(stored: string, bytes: Buffer): string | undefined {
  // lmdb hands out one reused buffer, longer than the value: only `length` is right.
  const end = bytes.length;
  if (end < 4 || crc32(bytes.subarray(4, end), crc32(stored)) !== crcOf(bytes)) return undefined;
  return bytes.toString('utf8', 4, end);
}

export const crcOf = (bytes: Buffer): number => bytes.readUInt32LE(0);
export const include = (s: Sum, crc: number): Sum => ({ n: s.n + 1, x: (s.x ^ crc) >>> 0 });
export const exclude = (s: Sum, crc: number): Sum => ({ n: s.n - 1, x: (s.x ^ crc) >>> 0 });

/** Thrown inside a transaction or a read: the value under `stored` is not what was written. */
export const damaged = (stored: string): VolumeError<'data_loss'> =>
  new VolumeError('data_loss', `The node state does not verify: the entry ${JSON.stringify(stored)} is damaged.`, {
    details: { found: `checksum of ${stored}`, expected: 'the checksum it was written with' },
  });
