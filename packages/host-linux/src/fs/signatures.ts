import type { Reader } from './reader.ts';

/** A thing that is recognised by fixed bytes at a fixed place. Negative places count from the end of the device. */
interface Signature {
  readonly at: number;
  readonly bytes: Buffer;
  readonly what: string;
}

const sig = (what: string, bytes: string | readonly number[], ...places: number[]): Signature[] =>
  places.map((at) => ({
    at,
    bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes),
    what,
  }));

const KIB = 1024;
const LUKS2_SECONDARY = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((k) => k * KIB);
const PAGE_ENDS = [4, 8, 16, 32, 64].map((k) => k * KIB - 10);

/**
 * Containers that keep something else inside. Those in the first 4 KiB outrank a superblock found on the same device:
 * a volume that carries both is not what its record says.
 */
const CONTAINERS: readonly Signature[] = [
  ...sig('LUKS header', 'LUKS\xba\xbe', 0),
  ...sig('secondary LUKS2 header', 'SKUL\xba\xbe', ...LUKS2_SECONDARY),
  ...sig('LVM2 physical volume', 'LABELONE', 0, 512, 1024, 1536),
  ...sig('swap area', 'SWAPSPACE2', ...PAGE_ENDS),
  ...sig('old swap area', 'SWAP-SPACE', ...PAGE_ENDS),
  ...sig('hibernation image', 'S1SUSPEND', ...PAGE_ENDS),
  ...sig('hibernation image', 'S2SUSPEND', ...PAGE_ENDS),
  ...sig('md raid superblock 1.1', [0xfc, 0x4e, 0x2b, 0xa9], 0),
  ...sig('md raid superblock 1.2', [0xfc, 0x4e, 0x2b, 0xa9], 4 * KIB),
  ...sig('GPT partition table', 'EFI PART', 512, 4096),
  ...sig('backup GPT partition table', 'EFI PART', -512, -4096),
  ...sig('BitLocker volume', '-FVE-FS-', 3),
  ...sig('bcache superblock', [0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca], 4 * KIB + 24),
  ...sig('bcachefs superblock', [0xc6, 0x85, 0x73, 0xf6, 0x66, 0xce, 0x90, 0xa9], 4 * KIB + 24),
  ...sig('dm-verity header', 'verity\0\0', 0),
  ...sig('dm-integrity header', 'integrt\0', 0),
  ...sig('VDO volume', 'dmvdo001', 0),
  ...sig('Ceph BlueStore device', 'bluestore block device', 0),
  ...sig('Intel raid metadata', 'Intel Raid ISM Cfg Sig.', -1024),
  ...sig('DDF raid metadata', [0xde, 0x11, 0xde, 0x11], -512),
];

const FILE_SYSTEMS: readonly Signature[] = [
  ...sig('FAT file system', 'FAT12   ', 54),
  ...sig('FAT file system', 'FAT16   ', 54),
  ...sig('FAT file system', 'FAT32   ', 82),
  ...sig('exFAT file system', 'EXFAT   ', 3),
  ...sig('NTFS file system', 'NTFS    ', 3),
  ...sig('ISO 9660 image', 'CD001', 32 * KIB + 1),
  ...sig('UDF file system', 'BEA01', 32 * KIB + 1),
  ...sig('UDF file system', 'NSR0', 32 * KIB + 1, 34 * KIB + 1),
  ...sig('squashfs image', 'hsqs', 0),
  ...sig('squashfs image', 'sqsh', 0),
  ...sig('EROFS image', [0xe2, 0xe1, 0xf5, 0xe0], 1024),
  ...sig('cramfs image', [0x45, 0x3d, 0xcd, 0x28], 0),
  ...sig('F2FS file system', [0x10, 0x20, 0xf5, 0xf2], 1024, 5 * KIB),
  ...sig('NILFS2 file system', [0x34, 0x34], 1030),
  ...sig('HFS+ file system', 'H+\0', 1024),
  ...sig('HFS file system', 'BD\0', 1024),
  ...sig('APFS container', 'NXSB', 32),
  ...sig('JFS file system', 'JFS1', 32 * KIB),
  ...sig('ReiserFS file system', 'ReIsEr', 64 * KIB + 52, 8 * KIB + 52),
  ...sig('Reiser4 file system', 'ReIsEr4', 64 * KIB),
  ...sig('OCFS2 file system', 'OCFSV2', 1024, 2048, 4096, 8192),
  ...sig('GFS2 file system', [0x01, 0x16, 0x19, 0x70], 64 * KIB),
  ...sig('UFS file system', [0x19, 0x01, 0x54, 0x19], 8 * KIB + 1372, 64 * KIB + 1372),
  ...sig('UFS file system', [0x54, 0x19, 0x01, 0x19], 8 * KIB + 1372, 64 * KIB + 1372),
  ...sig('VMFS volume', [0x0d, 0xd0, 0x01, 0xc0], 1024 * KIB),
  ...sig('minix file system', [0x7f, 0x13], 1040),
  ...sig('minix file system', [0x8f, 0x13], 1040),
  ...sig('minix file system', [0x68, 0x24], 1040),
  ...sig('minix file system', [0x5a, 0x4d], 1048),
];

const FILES: readonly Signature[] = [
  ...sig('zip archive', 'PK\x03\x04', 0),
  ...sig('zip archive', 'PK\x05\x06', 0),
  ...sig('gzip file', [0x1f, 0x8b], 0),
  ...sig('bzip2 file', 'BZh', 0),
  ...sig('xz file', [0xfd, 0x37, 0x7a, 0x58, 0x5a], 0),
  ...sig('zstd file', [0x28, 0xb5, 0x2f, 0xfd], 0),
  ...sig('lz4 file', [0x04, 0x22, 0x4d, 0x18], 0),
  ...sig('7z archive', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], 0),
  ...sig('tar archive', 'ustar', 257),
  ...sig('program', '\x7fELF', 0),
  ...sig('PDF document', '%PDF', 0),
  ...sig('SQLite database', 'SQLite format 3\0', 0),
  ...sig('qcow disk image', 'QFI\xfb', 0),
  ...sig('VHD disk image', 'conectix', 0, -512),
  ...sig('VHDX disk image', 'vhdxfile', 0),
  ...sig('VMDK disk image', 'KDMV', 0),
  ...sig('VDI disk image', [0x7f, 0x10, 0xda, 0xbe], 64),
];

export interface Found {
  readonly what: string;
  readonly at: number;
}

const HEAD = 72 * KIB;

/** Reads through one buffer of the beginning, which holds nearly all places. */
function reading(reader: Reader): (at: number, length: number) => Buffer {
  const head = reader.read(0, HEAD);
  return (at, length) => (at + length <= head.length ? head.subarray(at, at + length) : reader.read(at, length));
}
type Read = ReturnType<typeof reading>;

function match(read: Read, sizeBytes: number, table: readonly Signature[]): Found | undefined {
  for (const { at: place, bytes, what } of table) {
    const at = place < 0 ? sizeBytes + place : place;
    if (at >= 0 && read(at, bytes.length).equals(bytes)) return { what, at };
  }
  return undefined;
}

/** md 0.90 and 1.0 stand near the end, at places that depend on the size; either byte order. */
function mdAtEnd(read: Read, sizeBytes: number): Found | undefined {
  const sectors = Math.floor(sizeBytes / 512);
  const places = [
    ['0.90', Math.floor(sizeBytes / 65536) * 65536 - 65536],
    ['1.0', (sectors - 16 - ((sectors - 16) % 8)) * 512],
  ] as const;
  for (const [version, at] of places) {
    if (at < 0) continue;
    const b = read(at, 4);
    if (b.length === 4 && (b.readUInt32LE(0) === 0xa92b4efc || b.readUInt32BE(0) === 0xa92b4efc)) {
      return { what: `md raid superblock ${version}`, at };
    }
  }
  return undefined;
}

/** A ZFS label has 128 slots for uberblocks; four labels, two at each end. */
function zfs(read: Read, sizeBytes: number): Found | undefined {
  const label = 256 * KIB;
  const end = Math.floor(sizeBytes / label) * label;
  for (const start of new Set([0, label, end - 2 * label, end - label])) {
    if (start < 0) continue;
    const ring = read(start + 128 * KIB, 128 * KIB);
    for (let slot = 0; slot + 8 <= ring.length; slot += KIB) {
      if (ring.readBigUInt64LE(slot) === 0x00bab10cn || ring.readBigUInt64BE(slot) === 0x00bab10cn) {
        return { what: 'ZFS label', at: start + 128 * KIB + slot };
      }
    }
  }
  return undefined;
}

function mbr(read: Read): Found | undefined {
  const b = read(0, 512);
  if (b.length < 512 || b[510] !== 0x55 || b[511] !== 0xaa) return undefined;
  const entries = [446, 462, 478, 494].filter((at) => b[at + 4] !== 0);
  const flagsOk = [446, 462, 478, 494].every((at) => b[at] === 0 || b[at] === 0x80);
  return { what: entries.length > 0 && flagsOk ? 'MBR partition table' : 'boot sector', at: 0 };
}

const PRINTABLE = /^[\t\n\r\x20-\x7e]+$/;

function plainText(read: Read): Found | undefined {
  const b = read(0, 512);
  const end = b.indexOf(0);
  const text = b.toString('latin1', 0, end === -1 ? b.length : end);
  if (text.length < 4 || !PRINTABLE.test(text)) return undefined;
  const start = text.slice(0, 24).replace(/\s+/g, ' ').trim();
  return { what: `plain text ("${start}${text.length > 24 ? '…' : ''}")`, at: 0 };
}

/** A container in the first 4 KiB, which has been read already. */
export const containerAtStart = (page: Buffer): Found | undefined =>
  match(
    (at, length) => page.subarray(at, at + length),
    0,
    CONTAINERS.filter(({ at, bytes }) => at >= 0 && at + bytes.length <= 4096),
  );

/** Everything known that is not ext4, xfs or btrfs; raid, volume managers and encryption first. */
export function findForeign(reader: Reader): Found | undefined {
  const read = reading(reader);
  const { sizeBytes } = reader;
  return (
    match(read, sizeBytes, CONTAINERS) ??
    mdAtEnd(read, sizeBytes) ??
    zfs(read, sizeBytes) ??
    match(read, sizeBytes, FILE_SYSTEMS) ??
    mbr(read) ??
    match(read, sizeBytes, FILES) ??
    plainText(read)
  );
}
