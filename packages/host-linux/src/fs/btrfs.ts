import { createHash } from 'node:crypto';
import { crc32c } from './crc32c.ts';
import { type Place, type Reader, textAt, uuidAt, withReader } from './reader.ts';
import type { BadSuperblock, Parsed, Superblock } from './superblock.ts';

export const BTRFS_SB_AT = 65536;
export const BTRFS_SB_BYTES = 4096;
/** 64 MiB and 256 GiB; the format knows no more. */
export const BTRFS_MIRRORS = [64 * 1024 ** 2, 256 * 1024 ** 3] as const;

const FLAG_ERROR = 1n << 2n;
const FLAG_CHANGING_FSID = (1n << 35n) | (1n << 36n);

export interface BtrfsSuperblock extends Superblock {
  readonly devices: number;
  /** A change of its UUID was begun and did not end. */
  readonly changingUuid: boolean;
}

/** crc32c and sha256; xxhash64 and blake2b have no implementation in Node and are taken as they are. */
function checksumMatches(b: Buffer): boolean {
  const data = b.subarray(32);
  switch (b.readUInt16LE(0xc4)) {
    case 0:
      return crc32c(data) === b.readUInt32LE(0);
    case 2:
      return createHash('sha256').update(data).digest().equals(b.subarray(0, 32));
    default:
      return true;
  }
}

/** Makes a changed superblock valid. @returns false for a checksum that we cannot compute */
export function writeChecksum(b: Buffer): boolean {
  const data = b.subarray(32);
  const type = b.readUInt16LE(0xc4);
  if (type === 0) b.writeUInt32LE(crc32c(data), 0);
  else if (type === 2) createHash('sha256').update(data).digest().copy(b, 0);
  return type === 0 || type === 2;
}

function stateOf(flags: bigint, logRoot: bigint): Pick<Superblock, 'clean' | 'dirt' | 'failed'> {
  if ((flags & FLAG_ERROR) !== 0n) return { clean: false, failed: true, dirt: 'the kernel recorded errors in it' };
  if ((flags & FLAG_CHANGING_FSID) !== 0n) return { clean: false, dirt: 'a change of its UUID did not finish' };
  if (logRoot !== 0n) return { clean: false, dirt: 'its log has to be replayed' };
  return { clean: true };
}

/** @param b 4 KiB of a superblock (or of its mirror) that stands at `at` */
export function parseBtrfs(b: Buffer, at: number, sizeBytes: number): Parsed<BtrfsSuperblock> {
  if (b.length < BTRFS_SB_BYTES) return undefined;
  const magic = b.toString('latin1', 0x40, 0x48);
  if (magic !== '_BHRfS_M' && magic !== '!BHRfS_M') return undefined;
  const uuid = uuidAt(b, 0x20);
  const bad = (why: string): BadSuperblock => ({ kind: 'bad', fsType: 'btrfs', uuid, why, at });
  if (magic === '!BHRfS_M') return bad('mkfs.btrfs did not finish');
  if (b.readBigUInt64LE(0x30) !== BigInt(at)) return bad(`it was written for byte ${b.readBigUInt64LE(0x30)}`);
  if (!checksumMatches(b)) return bad('its checksum does not match');
  const fsBytes = Number(b.readBigUInt64LE(0xc9 + 8));
  if (fsBytes > sizeBytes) return bad(`it is ${fsBytes} bytes long and the device only ${sizeBytes}`);
  const flags = b.readBigUInt64LE(0x38);
  return {
    kind: 'ok',
    fsType: 'btrfs',
    uuid,
    label: textAt(b, 0x12b, 256),
    blockSize: b.readUInt32LE(0x90),
    fsBytes,
    devices: Number(b.readBigUInt64LE(0x88)),
    changingUuid: (flags & FLAG_CHANGING_FSID) !== 0n,
    ...stateOf(flags, b.readBigUInt64LE(0x60)),
  };
}

export const readBtrfs = (place: Place): Promise<BtrfsSuperblock | undefined> =>
  withReader(place, (reader) => {
    const sb = parseBtrfs(reader.read(BTRFS_SB_AT, BTRFS_SB_BYTES), BTRFS_SB_AT, reader.sizeBytes);
    return sb?.kind === 'ok' ? sb : undefined;
  });

export function findBtrfsMirror(reader: Reader): { at: number; uuid?: string } | undefined {
  for (const at of BTRFS_MIRRORS) {
    const sb = parseBtrfs(reader.read(at, BTRFS_SB_BYTES), at, Number.MAX_SAFE_INTEGER);
    if (sb !== undefined) return { at, ...(sb.uuid !== undefined && { uuid: sb.uuid }) };
  }
  return undefined;
}
