import { crc32cRaw } from './crc32c.ts';
import { type Place, type Reader, textAt, uuidAt, withReader } from './reader.ts';
import type { BadSuperblock, Parsed, Superblock } from './superblock.ts';

export const EXT4_SB_AT = 1024;
const SB_BYTES = 1024;
const MAGIC = 0xef53;
const COMPAT_HAS_JOURNAL = 0x4;
const INCOMPAT_RECOVER = 0x4;
const INCOMPAT_JOURNAL_DEV = 0x8;
const INCOMPAT_META_BG = 0x10;
const INCOMPAT_64BIT = 0x80;
const INCOMPAT_CSUM_SEED = 0x2000;
const RO_METADATA_CSUM = 0x400;
/** What ext3 and ext2 have at most: filetype, recover, meta_bg; sparse_super, large_file, btree_dir. */
const INCOMPAT_EXT3 = 0x2 | INCOMPAT_RECOVER | INCOMPAT_META_BG;
const RO_EXT3 = 0x1 | 0x2 | 0x4;

export interface Ext4Superblock extends Superblock {
  readonly metadataCsum: boolean;
  /** Checksums do not depend on the UUID: changing it touches superblocks only. */
  readonly csumSeed: boolean;
  readonly group: number;
  /** Changes with every mount and every check: two equal ones say that neither happened in between. */
  readonly touched: string;
}

function fsTypeOf(b: Buffer): 'ext2' | 'ext3' | 'ext4' {
  const incompat = b.readUInt32LE(0x60);
  const ro = b.readUInt32LE(0x64);
  if ((incompat & ~INCOMPAT_EXT3) !== 0 || (ro & ~RO_EXT3) !== 0) return 'ext4';
  return (b.readUInt32LE(0x5c) & COMPAT_HAS_JOURNAL) !== 0 ? 'ext3' : 'ext2';
}

/** What cannot be true of a superblock that Linux would mount; undefined = nothing. */
function nonsense(b: Buffer): string | undefined {
  const blockSizeLog = b.readUInt32LE(0x18);
  if (blockSizeLog > 6) return `block size 2^${10 + blockSizeLog}`;
  if (b.readUInt32LE(0x20) === 0 || b.readUInt32LE(0x28) === 0) return 'block groups of no size';
  if (b.readUInt32LE(0x00) === 0 || b.readUInt32LE(0x04) + b.readUInt32LE(0x150) === 0) return 'no blocks or inodes';
  if (b.readUInt32LE(0x4c) > 1) return `revision ${b.readUInt32LE(0x4c)}`;
  const csum = (b.readUInt32LE(0x64) & RO_METADATA_CSUM) !== 0;
  if (csum && crc32cRaw(b.subarray(0, 0x3fc)) !== b.readUInt32LE(0x3fc)) return 'its checksum does not match';
  return undefined;
}

function stateOf(b: Buffer): Pick<Superblock, 'clean' | 'dirt' | 'failed'> {
  const state = b.readUInt16LE(0x3a);
  if ((state & 2) !== 0) return { clean: false, failed: true, dirt: 'the kernel recorded errors in it' };
  if ((b.readUInt32LE(0x60) & INCOMPAT_RECOVER) !== 0) return { clean: false, dirt: 'its journal has to be replayed' };
  if ((state & 1) === 0) return { clean: false, failed: true, dirt: 'it was not unmounted' };
  return { clean: true };
}

/** @param b 1,024 bytes of a primary or backup superblock that stands at `at` on the device */
export function parseExt4(b: Buffer, at: number, sizeBytes: number): Parsed<Ext4Superblock> {
  if (b.length < SB_BYTES || b.readUInt16LE(0x38) !== MAGIC) return undefined;
  const uuid = uuidAt(b, 0x68);
  const bad = (why: string): BadSuperblock => ({ kind: 'bad', fsType: 'ext4', uuid, why, at });
  const wrong = nonsense(b);
  if (wrong !== undefined) return bad(wrong);
  const incompat = b.readUInt32LE(0x60);
  if ((incompat & INCOMPAT_JOURNAL_DEV) !== 0) return bad('it is the external journal of another file system');
  const blockSize = 1024 << b.readUInt32LE(0x18);
  const high = (incompat & INCOMPAT_64BIT) !== 0 ? b.readUInt32LE(0x150) : 0;
  const fsBytes = (high * 2 ** 32 + b.readUInt32LE(0x04)) * blockSize;
  if (fsBytes > sizeBytes) return bad(`it is ${fsBytes} bytes long and the device only ${sizeBytes}`);
  return {
    kind: 'ok',
    fsType: fsTypeOf(b),
    uuid,
    label: textAt(b, 0x78, 16),
    blockSize,
    fsBytes,
    metadataCsum: (b.readUInt32LE(0x64) & RO_METADATA_CSUM) !== 0,
    csumSeed: (incompat & INCOMPAT_CSUM_SEED) !== 0,
    group: b.readUInt16LE(0x5a),
    touched: `${b.readUInt32LE(0x2c)}-${b.readUInt32LE(0x40)}-${b.readUInt16LE(0x34)}`,
    ...stateOf(b),
  };
}

/** The primary superblock; undefined when it does not verify. */
export const readExt4 = (place: Place): Promise<Ext4Superblock | undefined> =>
  withReader(place, (reader) => {
    const sb = parseExt4(reader.read(EXT4_SB_AT, SB_BYTES), EXT4_SB_AT, reader.sizeBytes);
    return sb?.kind === 'ok' ? sb : undefined;
  });

/** Where backups can stand (sparse_super: groups 1 and powers of 3, 5, 7), for the block sizes that mke2fs makes. */
export function ext4BackupOffsets(sizeBytes: number): readonly { at: number; group: number; blockSize: number }[] {
  const groups = new Set([1]);
  for (const base of [3, 5, 7]) for (let g = base; g < 2 ** 32; g *= base) groups.add(g);
  return [1024, 2048, 4096, 65536].flatMap((blockSize) =>
    [...groups]
      .sort((a, b) => a - b)
      .map((group) => ({ at: (group * 8 * blockSize + (blockSize === 1024 ? 1 : 0)) * blockSize, group, blockSize }))
      .filter(({ at }) => at + SB_BYTES <= sizeBytes),
  );
}

/** The first backup that is one: its own group number and block size stand in it, and it verifies. */
export function findExt4Backup(reader: Reader): { at: number; uuid: string } | undefined {
  for (const { at, group, blockSize } of ext4BackupOffsets(reader.sizeBytes)) {
    const sb = parseExt4(reader.read(at, SB_BYTES), at, Number.MAX_SAFE_INTEGER);
    if (sb?.kind === 'ok' && sb.group === (group & 0xffff) && sb.blockSize === blockSize) return { at, uuid: sb.uuid };
  }
  return undefined;
}
