import { crc32cRaw } from './crc32c.ts';
import { type Reader, textAt, uuidAt } from './reader.ts';
import type { BadSuperblock, Parsed, Superblock } from './superblock.ts';
import { logIsClean } from './xfs-log.ts';

const CRC_AT = 224;
const INCOMPAT_NEEDSREPAIR = 0x10;
export const XFS_MIN_SECTOR = 512;

export interface XfsSuperblock extends Superblock {
  readonly agBytes: number;
  readonly agCount: number;
  readonly sectorSize: number;
  readonly version: number;
  /** Byte range of the internal log; undefined when the log is on another device. */
  readonly log?: { readonly at: number; readonly bytes: number };
}

/** XFS keeps the CRC inverted and counts its own four bytes as zeros. */
function crcOf(sector: Buffer): number {
  let c = crc32cRaw(sector.subarray(0, CRC_AT));
  c = crc32cRaw(Buffer.alloc(4), c);
  c = crc32cRaw(sector.subarray(CRC_AT + 4), c);
  return ~c >>> 0;
}
export const crcMatches = (sector: Buffer): boolean => crcOf(sector) === sector.readUInt32LE(CRC_AT);
export const writeCrc = (sector: Buffer): number => sector.writeUInt32LE(crcOf(sector), CRC_AT);

const powerOfTwo = (n: number, min: number, max: number): boolean => n >= min && n <= max && (n & (n - 1)) === 0;

function nonsense(b: Buffer): string | undefined {
  const version = b.readUInt16BE(100) & 0xf;
  const sector = b.readUInt16BE(102);
  if (version !== 4 && version !== 5) return `version ${version}`;
  if (!powerOfTwo(sector, 512, 32768)) return `sectors of ${sector} bytes`;
  if (!powerOfTwo(b.readUInt32BE(4), 512, 65536)) return `blocks of ${b.readUInt32BE(4)} bytes`;
  if (b.readUInt32BE(88) === 0 || b.readUInt32BE(84) === 0) return 'no allocation groups';
  // Sectors above 4 KiB exist on paper only; their checksum is left to the kernel.
  if (version === 5 && sector <= b.length && !crcMatches(b.subarray(0, sector))) return 'its checksum does not match';
  if (b[126] !== 0) return 'mkfs.xfs did not finish';
  return undefined;
}

function logOf(b: Buffer, blockSize: number, agBytes: number): XfsSuperblock['log'] {
  const start = b.readBigUInt64BE(48);
  if (start === 0n) return undefined;
  const agShift = BigInt(b[124] as number);
  const ag = Number(start >> agShift);
  const block = Number(start & ((1n << agShift) - 1n));
  return { at: ag * agBytes + block * blockSize, bytes: b.readUInt32BE(96) * blockSize };
}

/** @param b the first 4 KiB (or one sector) of an allocation group; without the state of the log. */
export function parseXfs(b: Buffer, at: number, sizeBytes: number): Parsed<XfsSuperblock> {
  if (b.length < XFS_MIN_SECTOR || b.toString('latin1', 0, 4) !== 'XFSB') return undefined;
  const uuid = uuidAt(b, 32);
  const bad = (why: string): BadSuperblock => ({ kind: 'bad', fsType: 'xfs', uuid, why, at });
  const wrong = nonsense(b);
  if (wrong !== undefined) return bad(wrong);
  const blockSize = b.readUInt32BE(4);
  const fsBytes = Number(b.readBigUInt64BE(8)) * blockSize;
  if (fsBytes > sizeBytes) return bad(`it is ${fsBytes} bytes long and the device only ${sizeBytes}`);
  const agBytes = b.readUInt32BE(84) * blockSize;
  const log = logOf(b, blockSize, agBytes);
  return {
    kind: 'ok',
    fsType: 'xfs',
    uuid,
    label: textAt(b, 108, 12),
    blockSize,
    fsBytes,
    agBytes,
    agCount: b.readUInt32BE(88),
    sectorSize: b.readUInt16BE(102),
    version: b.readUInt16BE(100) & 0xf,
    ...(log && { log }),
    ...((b.readUInt16BE(100) & 0xf) === 5 &&
      (b.readUInt32BE(216) & INCOMPAT_NEEDSREPAIR) !== 0 && {
        clean: false,
        failed: true,
        dirt: 'it is marked as in need of xfs_repair',
      }),
  };
}

/** The same, and whether the log was left clean. */
export function withLogState(sb: XfsSuperblock, reader: Reader): XfsSuperblock {
  if (sb.clean === false || sb.log === undefined) return sb;
  const clean = logIsClean((at, length) => reader.read(at, length), sb.log);
  return clean ? { ...sb, clean } : { ...sb, clean, dirt: 'its log has to be replayed' };
}

/**
 * Where allocation groups can begin when the primary superblock is gone: those that mkfs.xfs chooses for this size, and
 * for a power-of-two part of it; multiples of 256 MiB, which is what a quarter of any whole number of GiB comes to.
 */
export function xfsBackupOffsets(sizeBytes: number): readonly number[] {
  const blocks = Math.floor(sizeBytes / 4096);
  const found = new Set<number>();
  for (let parts = 2; parts <= 64; parts *= 2) {
    for (const agBlocks of [Math.floor(blocks / parts), Math.ceil(blocks / parts)]) found.add(agBlocks * 4096);
  }
  for (let n = 1; n <= 256; n++) found.add(n * 256 * 1024 * 1024);
  return [...found].filter((at) => at > 0 && at + XFS_MIN_SECTOR <= sizeBytes).sort((a, b) => a - b);
}

export interface XfsTrace {
  readonly at: number;
  readonly uuid?: string;
  readonly what: string;
}

const AG_HEADERS = { XAGF: 'free space header', XAGI: 'inode header', XAFL: 'free list' } as const;

/** Headers of the first allocation group, or the superblock copy of another one. */
export function findXfsTrace(reader: Reader): XfsTrace | undefined {
  for (const sector of [512, 4096, 1024, 2048]) {
    for (const n of [1, 2, 3]) {
      const b = reader.read(n * sector, 512);
      const what = AG_HEADERS[b.toString('latin1', 0, 4) as keyof typeof AG_HEADERS];
      if (what !== undefined) return { at: n * sector, what: `an xfs ${what}` };
    }
  }
  for (const at of xfsBackupOffsets(reader.sizeBytes)) {
    const sb = parseXfs(reader.read(at, 4096), at, Number.MAX_SAFE_INTEGER);
    if (sb !== undefined && sb.uuid !== undefined) return { at, uuid: sb.uuid, what: 'a backup xfs superblock' };
  }
  return undefined;
}
