import type { Probe } from '@rexray/core';
import { evidence } from './blank.ts';
import { askBlkid } from './blkid.ts';
import { BTRFS_SB_AT, BTRFS_SB_BYTES, findBtrfsMirror, parseBtrfs } from './btrfs.ts';
import { EXT4_SB_AT, findExt4Backup, parseExt4 } from './ext4.ts';
import type { Tools } from './programs.ts';
import { firstNonZero, type Place, type Reader, withReader } from './reader.ts';
import { containerAtStart, type Found, findForeign } from './signatures.ts';
import type { BadSuperblock, Parsed, Superblock } from './superblock.ts';
import { findXfsTrace, parseXfs, withLogState } from './xfs.ts';

const PAGE = 4096;

interface Primary {
  readonly good: readonly Superblock[];
  readonly bad: readonly BadSuperblock[];
  readonly container?: Found;
  /** First byte that is not zero in what was read. */
  readonly data: number;
}

/** One read for ext4 and xfs, a second only where btrfs is left. */
function readPrimary(reader: Reader): Primary {
  const page = reader.read(0, PAGE);
  const found: Parsed[] = [];
  const xfs = parseXfs(page, 0, reader.sizeBytes);
  found.push(xfs?.kind === 'ok' ? withLogState(xfs, reader) : xfs);
  found.push(parseExt4(page.subarray(EXT4_SB_AT, EXT4_SB_AT + 1024), EXT4_SB_AT, reader.sizeBytes));
  let data = firstNonZero(page);
  if (!found.some((sb) => sb?.kind === 'ok')) {
    const block = reader.read(BTRFS_SB_AT, BTRFS_SB_BYTES);
    found.push(parseBtrfs(block, BTRFS_SB_AT, reader.sizeBytes));
    if (data === -1 && firstNonZero(block) !== -1) data = BTRFS_SB_AT + firstNonZero(block);
  }
  const container = containerAtStart(page);
  return {
    good: found.filter((sb) => sb?.kind === 'ok'),
    bad: found.filter((sb) => sb?.kind === 'bad'),
    data,
    ...(container && { container }),
  };
}

function fsProbe(sb: Superblock): Probe {
  return {
    verdict: 'fs',
    fsType: sb.fsType,
    uuid: sb.uuid,
    ...(sb.label !== '' && { label: sb.label }),
    ...(sb.clean !== undefined && { clean: sb.clean }),
    fsBytes: sb.fsBytes,
    found: `${sb.fsType} file system${sb.dirt === undefined ? '' : `: ${sb.dirt}`}`,
  };
}

const foreign = (f: Found, also = ''): Probe => ({
  verdict: 'foreign',
  found: `${f.what} at byte ${f.at}${also}`,
  at: f.at,
});

function damagedPrimary(sb: BadSuperblock): Probe {
  return {
    verdict: 'damaged',
    fsType: sb.fsType,
    ...(sb.uuid !== undefined && { uuid: sb.uuid }),
    found: `${sb.fsType} superblock at byte ${sb.at}, but ${sb.why}`,
    at: sb.at,
  };
}

/** Two superblocks, or one inside a container: it is not for us to say which is meant. */
function settled({ good, container }: Primary): Probe | undefined {
  const [first, second] = good;
  if (first === undefined) return undefined;
  if (container !== undefined) return foreign(container, `, and an ${first.fsType} superblock`);
  if (second !== undefined) {
    return { verdict: 'damaged', found: `superblocks of both ${first.fsType} and ${second.fsType}`, at: 0 };
  }
  return fsProbe(first);
}

/** Copies of a superblock whose original is gone. */
function findRemains(reader: Reader): Probe | undefined {
  const trace = (fsType: string, what: string, at: number, uuid?: string): Probe => ({
    verdict: 'damaged',
    fsType,
    ...(uuid !== undefined && { uuid }),
    found: `${what} at byte ${at}, but no valid superblock at its place`,
    at,
  });
  const ext4 = findExt4Backup(reader);
  if (ext4 !== undefined) return trace('ext4', 'a backup ext4 superblock', ext4.at, ext4.uuid);
  const xfs = findXfsTrace(reader);
  if (xfs !== undefined) return trace('xfs', xfs.what, xfs.at, xfs.uuid);
  const btrfs = findBtrfsMirror(reader);
  return btrfs && trace('btrfs', 'a btrfs superblock mirror', btrfs.at, btrfs.uuid);
}

/** A signature of any kind; from the one that would do most harm if overlooked to the weakest. */
async function findAnything(place: Place, reader: Reader, primary: Primary, tools: Tools): Promise<Probe | undefined> {
  if (primary.container !== undefined) return foreign(primary.container);
  const [bad] = primary.bad;
  if (bad !== undefined) return damagedPrimary(bad);
  const other = findForeign(reader);
  if (other !== undefined) return foreign(other);
  return findRemains(reader) ?? (await askBlkid(place, tools));
}

export interface ProbeOptions {
  /** Also gather S2's positive evidence; `blank` is answered only then. */
  readonly prove: boolean;
  readonly signal?: AbortSignal;
}

const unknown = (found: string, at?: number): Probe => ({
  verdict: 'unknown',
  found,
  ...(at !== undefined && at >= 0 && { at }),
});

/**
 * What stands on a device or in an image. Nothing is written. A healthy file system is recognised by one or two reads;
 * everything else goes through the table of signatures, the places of backup superblocks and blkid.
 *
 * `blank` needs `prove`, and the evidence was taken after a flush; the caller holds the volume's lock and has shown that
 * nobody else has the device (S2, S6). A `damaged` probe names the UUID where one could be read, so that an interrupted
 * mkfs can be told from somebody's data (S1).
 * @throws `unavailable` when blkid is needed and missing; errors of node:fs when the device cannot be read
 */
export function probe(place: Place, o: ProbeOptions, tools: Tools): Promise<Probe> {
  return withReader(place, async (reader) => {
    const primary = readPrimary(reader);
    const known = settled(primary);
    if (known !== undefined) return known;
    const image = o.prove && place.backing !== undefined ? await evidence(place, reader, o.signal) : undefined;
    if (image?.blank && primary.data !== -1) {
      return unknown('the device holds data and the image behind it none: they do not belong together', primary.data);
    }
    // An image without extents cannot hold a signature: the scan and blkid would look at holes.
    if (image?.blank && image.by === 'extents') return { verdict: 'blank' };
    const anything = await findAnything(place, reader, primary, tools);
    if (anything !== undefined) return anything;
    if (image !== undefined) return image.blank ? { verdict: 'blank' } : unknown(image.found, image.at);
    if (!o.prove) return unknown('no signature; whether it holds data was not examined', primary.data);
    const disk = await evidence(place, reader, o.signal);
    return disk.blank ? { verdict: 'blank' } : unknown(disk.found, disk.at);
  });
}

/** The superblock of one of our file systems, if that and nothing else stands there; no child, no scan. */
export const readSuperblock = (place: Place): Promise<Probe | undefined> =>
  withReader(place, (reader) => settled(readPrimary(reader)));
