import { crc32cRaw } from './crc32c.ts';

/**
 * Whether an XFS log ends with an unmount record: nothing to replay. Only exactly that shape counts; whatever is not
 * understood here counts as dirty, which costs a mount and loses nothing.
 */
const BLOCK = 512;
const RECORD_MAGIC = 0xfeedbabe;
const UNMOUNT_FLAG = 0x20;
/** Records are at most 256 KiB plus headers. */
const MAX_RECORD_BLOCKS = 520;

type Read = (at: number, length: number) => Buffer;
interface Log {
  readonly at: number;
  readonly bytes: number;
}

/** Every log block begins with its cycle number, record headers with magic and cycle. */
function cycleAt(read: Read, log: Log, block: number): number {
  const b = read(log.at + block * BLOCK, 8);
  if (b.length < 8) return -1;
  return b.readUInt32BE(0) === RECORD_MAGIC ? b.readUInt32BE(4) : b.readUInt32BE(0);
}

/** The block after the newest one: where the cycle number changes. */
function headOf(read: Read, log: Log): number {
  const blocks = log.bytes / BLOCK;
  const first = cycleAt(read, log, 0);
  if (cycleAt(read, log, blocks - 1) === first) return 0;
  let low = 0;
  let high = blocks - 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (cycleAt(read, log, middle) === first) low = middle;
    else high = middle;
  }
  return high;
}

/** Reads blocks that may go over the end of the log. */
function readWrapped(read: Read, log: Log, block: number): Buffer {
  const blocks = log.bytes / BLOCK;
  return read(log.at + (((block % blocks) + blocks) % blocks) * BLOCK, BLOCK);
}

/** Blocks of headers that a record has: one for each 32 KiB of its buffer. */
function headerBlocks(header: Buffer): number {
  const size = header.readUInt32BE(320);
  return (header.readUInt32BE(8) & 2) !== 0 && size > 32768 ? Math.ceil(size / 32768) : 1;
}

/** The record at the end of a clean log. */
export interface UnmountRecord {
  /** Byte of its header on the device. */
  readonly at: number;
  readonly header: Buffer;
  /** The blocks after the first header, as they stand in the log. */
  readonly rest: Buffer;
  readonly headers: number;
}

export function findUnmountRecord(read: Read, log: Log): UnmountRecord | undefined {
  if (log.bytes < 2 * BLOCK || log.bytes % BLOCK !== 0) return undefined;
  const blocks = log.bytes / BLOCK;
  const head = headOf(read, log);
  for (let back = 1; back <= MAX_RECORD_BLOCKS; back++) {
    const header = readWrapped(read, log, head - back);
    if (header.length < BLOCK) return undefined;
    if (header.readUInt32BE(0) !== RECORD_MAGIC) continue;
    const headers = headerBlocks(header);
    const dataBlocks = Math.ceil(header.readUInt32BE(12) / BLOCK);
    // The record must end exactly at the head and hold one operation, the unmount.
    if (header.readUInt32BE(40) !== 1 || headers + dataBlocks !== back) return undefined;
    const rest = Array.from({ length: back - 1 }, (_, n) => readWrapped(read, log, head - back + 1 + n));
    const operation = rest[headers - 1];
    if (operation === undefined || ((operation[9] as number) & UNMOUNT_FLAG) === 0) return undefined;
    const at = log.at + ((((head - back) % blocks) + blocks) % blocks) * BLOCK;
    return { at, header, rest: Buffer.concat(rest), headers };
  }
  return undefined;
}

export const logIsClean = (read: Read, log: Log): boolean => findUnmountRecord(read, log) !== undefined;

/** As the kernel computes it: header without its own field, extended headers, data as it stands in the log. */
export function recordCrc({ header, rest, headers }: Pick<UnmountRecord, 'header' | 'rest' | 'headers'>): number {
  let c = crc32cRaw(header.subarray(0, 32));
  c = crc32cRaw(Buffer.alloc(4), c);
  c = crc32cRaw(header.subarray(36, 328), c);
  for (let n = 0; n < headers - 1; n++) c = crc32cRaw(rest.subarray(n * BLOCK, n * BLOCK + 260), c);
  const data = rest.subarray((headers - 1) * BLOCK);
  c = crc32cRaw(data.subarray(0, header.readUInt32BE(12)), c);
  return ~c >>> 0;
}
