/**
 * Whether an XFS log ends with an unmount record: nothing to replay. It answers true only for exactly that shape;
 * whatever it does not understand counts as dirty, which costs a mount and loses nothing.
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

export function logIsClean(read: Read, log: Log): boolean {
  if (log.bytes < 2 * BLOCK || log.bytes % BLOCK !== 0) return false;
  const head = headOf(read, log);
  for (let back = 1; back <= MAX_RECORD_BLOCKS; back++) {
    const header = readWrapped(read, log, head - back);
    if (header.length < BLOCK) return false;
    if (header.readUInt32BE(0) !== RECORD_MAGIC) continue;
    const headers = headerBlocks(header);
    const dataBlocks = Math.ceil(header.readUInt32BE(12) / BLOCK);
    // The record must end exactly at the head and hold one operation, the unmount.
    if (header.readUInt32BE(40) !== 1 || headers + dataBlocks !== back) return false;
    const operation = readWrapped(read, log, head - back + headers);
    return ((operation[9] as number) & UNMOUNT_FLAG) !== 0;
  }
  return false;
}
