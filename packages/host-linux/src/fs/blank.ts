import { closeSync, fstatSync, openSync } from 'node:fs';
import { seekData, seekHole } from '@rexray/kernel';
import { BTRFS_MIRRORS, BTRFS_SB_AT } from './btrfs.ts';
import { ext4BackupOffsets } from './ext4.ts';
import { firstNonZero, type Place, type Reader, syncPath, withReader } from './reader.ts';
import { xfsBackupOffsets } from './xfs.ts';

/** Blank, and how that is known; or where data stands. */
export type Evidence =
  | { readonly blank: true; readonly by: 'extents' | 'zeros' }
  | { readonly blank: false; readonly at: number; readonly found: string };

const MIB = 1024 ** 2;
const ENDS = 16 * MIB;
const SPREAD = 1024;
const SPREAD_BYTES = 64 * 1024;
/** Up to this size a disk is read whole: the sample would cost as much and prove less. */
const READ_WHOLE = 128 * MIB;

/** What the file system of an image says of its data. */
interface Extents {
  /** First byte of data; undefined = there is none. */
  readonly at?: number;
  /** It is data from end to end: the answer of whoever knows no holes (NFS before 4.2, most of FUSE), too. */
  readonly whole: boolean;
  readonly sizeBytes: number;
  /** Of the whole file, as stat says. */
  readonly blocks: number;
}

function extentsOf(path: string): Extents {
  const fd = openSync(path, 'r');
  try {
    const { size, blocks } = fstatSync(fd);
    const at = seekData(fd);
    if (at === undefined) return { whole: false, sizeBytes: size, blocks };
    return { at, whole: at === 0 && seekHole(fd, 0) >= size, sizeBytes: size, blocks };
  } finally {
    closeSync(fd);
  }
}

/**
 * An image file without a single data extent holds nothing. The device is flushed first and then the image: what was
 * written to a loop device may still be in its cache, where the image does not know of it. Where the file system cannot
 * tell holes from data, the image has to read as zeros: all of it, or, if not one block of it was ever given out, what would
 * be read of a disk. No count of blocks proves anything by itself: one that is wrong costs the wider proof, not the proof.
 */
async function imageEvidence(place: Place, backing: string, signal?: AbortSignal): Promise<Evidence> {
  if (backing !== place.path) syncPath(place.path);
  syncPath(backing);
  const { at, whole, sizeBytes, blocks } = extentsOf(backing);
  if (at === undefined) return { blank: true, by: 'extents' };
  if (!whole) return { blank: false, at, found: `written blocks from byte ${at} of the image` };
  const ranges = blocks === 0 ? sampleRanges(sizeBytes) : [[0, sizeBytes] as const];
  return withReader({ path: backing, sizeBytes }, (reader) => zeros(reader, ranges, 'image', signal));
}

/** Ranges to read of a disk without an image, sorted; every place where a copy of a superblock can stand is among them. */
export function sampleRanges(sizeBytes: number): readonly (readonly [at: number, length: number])[] {
  if (sizeBytes <= READ_WHOLE) return [[0, sizeBytes]];
  const step = Math.floor((sizeBytes - SPREAD_BYTES) / (SPREAD - 1));
  const spread = Array.from({ length: SPREAD }, (_, n) => [n * step, SPREAD_BYTES] as const);
  const copies = [
    ...ext4BackupOffsets(sizeBytes).map(({ at }) => at),
    ...xfsBackupOffsets(sizeBytes),
    ...BTRFS_MIRRORS,
    BTRFS_SB_AT,
  ].map((at) => [at, 4096] as const);
  return [[0, ENDS] as const, [sizeBytes - ENDS, ENDS] as const, ...copies, ...spread]
    .filter(([at]) => at < sizeBytes)
    .sort((a, b) => a[0] - b[0]);
}

type Ranges = ReturnType<typeof sampleRanges>;

async function zeros(reader: Reader, ranges: Ranges, what: string, signal?: AbortSignal): Promise<Evidence> {
  const buffer = Buffer.allocUnsafe(MIB);
  let readTo = 0;
  for (const [start, length] of ranges) {
    const end = Math.min(start + length, reader.sizeBytes);
    for (let at = Math.max(start, readTo); at < end; ) {
      signal?.throwIfAborted();
      const data = await reader.readInto(buffer.subarray(0, Math.min(MIB, end - at)), at);
      // A disk that is shorter than it says proves nothing.
      if (data.length === 0) return { blank: false, at, found: `the ${what} ends at byte ${at}` };
      const hit = firstNonZero(data);
      if (hit !== -1) return { blank: false, at: at + hit, found: `data at byte ${at + hit}` };
      at += data.length;
      readTo = at;
    }
  }
  return { blank: true, by: 'zeros' };
}

/**
 * The positive evidence of S2. For an image file: no extent after a flush, or zeros where nobody can tell extents. For another disk: zeros in its first and last
 * 16 MiB, at every place of a backup superblock and in 1,024 blocks of 64 KiB spread over it (all of it up to 128 MiB).
 */
export async function evidence(place: Place, reader: Reader, signal?: AbortSignal): Promise<Evidence> {
  if (place.backing !== undefined) return imageEvidence(place, place.backing, signal);
  return zeros(reader, sampleRanges(reader.sizeBytes), 'device', signal);
}
