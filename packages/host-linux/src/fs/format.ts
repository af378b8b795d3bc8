import { type FsType, formatBytes, isFsType, VolumeError } from '@rexray/core';
import { mkfsOptionArgs } from './mkfs-options.ts';
import { probe, readSuperblock } from './probe.ts';
import { type FsProgram, programError, runProgram, type Tools } from './programs.ts';
import { type Place, syncPath } from './reader.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

/** The least that each mkfs accepts (xfs says so in words nobody understands, so we say it first). */
export const MIN_FS_BYTES: Readonly<Record<FsType, number>> = { ext4: MIB, xfs: 300 * MIB, btrfs: 109 * MIB };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface FormatOptions {
  readonly fsType: FsType;
  /** Planned and recorded before (S1), in lower case. */
  readonly uuid: string;
  readonly options: Readonly<Record<string, string>>;
  /** A person's verb: what stands there is overwritten. */
  readonly wipe?: boolean;
}

/**
 * Room that ext4 reserves for growing online. mke2fs reserves for 1,024 times the size, which is most of what it writes;
 * 64 GiB or eight times the size is enough, and growing beyond works offline.
 */
function growthBlocks(sizeBytes: number, blockSize: number): readonly string[] {
  const room = Math.max(64 * GIB, 8 * sizeBytes);
  return room > 8 * TIB ? [] : [`resize=${Math.floor(room / blockSize)}`];
}

/** What is known of the ground that a file system is made on. */
interface Ground {
  /** Proven to hold nothing: nothing to discard, and no old journal that could be taken for the new one. */
  readonly fresh: boolean;
  /** Something is there and may be overwritten. */
  readonly force: boolean;
}

function ext4Args(sizeBytes: number, o: FormatOptions, { fresh, force }: Ground): readonly string[] {
  const blockSize = Number(o.options.blockSize ?? 4096);
  const extended = [
    'lazy_itable_init=1',
    // A journal that was never zeroed may replay what an earlier file system left in its place.
    `lazy_journal_init=${fresh ? 1 : 0}`,
    ...(fresh ? ['nodiscard'] : []),
    ...growthBlocks(sizeBytes, blockSize),
  ];
  return [
    '-q',
    ...(force ? ['-F'] : []),
    // Blocks of 1 KiB, the default below 512 MiB, cannot be mounted from disks with 4 KiB sectors.
    ...(o.options.blockSize === undefined ? ['-b', '4096'] : []),
    // With the seed, a new UUID (S25) is one write to the superblock and not a rewrite of all metadata.
    '-O',
    'metadata_csum_seed',
    '-U',
    o.uuid,
    '-E',
    extended.join(','),
  ];
}

const short = (o: Ground): readonly string[] => ['-q', ...(o.fresh ? ['-K'] : []), ...(o.force ? ['-f'] : [])];

const ARGS: Readonly<Record<FsType, (size: number, o: FormatOptions, ground: Ground) => readonly string[]>> = {
  ext4: ext4Args,
  xfs: (_size, o, ground) => [...short(ground), '-m', `uuid=${o.uuid}`],
  btrfs: (_size, o, ground) => [...short(ground), '-U', o.uuid],
};

/** The arguments of mkfs, the device last. */
export const mkfsArgs = (place: Place, o: FormatOptions, ground: Ground): readonly string[] => [
  ...ARGS[o.fsType](place.sizeBytes, o, ground),
  ...mkfsOptionArgs(o.fsType, o.options),
  '--',
  place.path,
];

function checkArguments(place: Place, o: FormatOptions): void {
  if (!isFsType(o.fsType)) {
    throw new VolumeError('invalid', `"${String(o.fsType)}" is not a file system that volumes may have.`, {
      details: { path: 'fsType', value: o.fsType, expected: 'ext4, xfs or btrfs' },
    });
  }
  if (!UUID.test(o.uuid)) {
    throw new VolumeError('invalid', `"${o.uuid}" is not a UUID in lower case.`, {
      details: { path: 'uuid', value: o.uuid, expected: 'UUID' },
    });
  }
  const min = MIN_FS_BYTES[o.fsType];
  if (place.sizeBytes < min) {
    throw new VolumeError(
      'out_of_range',
      `${place.path} has ${formatBytes(place.sizeBytes)}; ${o.fsType} needs at least ${formatBytes(min)}.`,
      { details: { min }, hint: `Make the volume ${formatBytes(min)} or larger, or choose another file system.` },
    );
  }
}

/**
 * The last veto before mkfs, which itself asks no question without a terminal (mkfs.ext4 overwrites an ext4 silently).
 * Only an image is proven again: it costs a flush and one call, while a disk would be read a second time.
 */
async function survey(place: Place, o: FormatOptions, tools: Tools): Promise<Ground> {
  if (o.wipe === true) return { fresh: false, force: true };
  const found = await probe(place, { prove: place.backing !== undefined }, tools);
  if (found.verdict === 'blank') return { fresh: true, force: false };
  if (found.verdict === 'unknown') return { fresh: false, force: false };
  // Our own mkfs, interrupted: its UUID was made up for this volume and stands nowhere else (S1).
  if (found.verdict === 'damaged' && found.uuid === o.uuid) return { fresh: false, force: true };
  throw new VolumeError('denied', `${place.path} is not formatted: it holds ${found.found ?? found.verdict}.`, {
    details: { rule: 'S2', ...(found.found !== undefined && { found: found.found }), where: place.path },
    hint: 'If what is there may be destroyed, a person can say so: rexray volume format NAME --wipe.',
  });
}

const PROGRAM: Readonly<Record<FsType, FsProgram>> = { ext4: 'mkfs.ext4', xfs: 'mkfs.xfs', btrfs: 'mkfs.btrfs' };

/**
 * mkfs.btrfs compares a given UUID with every file system of the machine and believes libblkid's cache, in which loop
 * devices live on for minutes after they are gone: re-making an interrupted one fails as "non-unique UUID". Without a
 * cache it looks at what is there.
 */
const WITHOUT_CACHE = ['BLKID_FILE=/dev/null', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'] as const;

async function mustRun(tools: Tools, program: FsProgram, args: readonly string[], place: Place): Promise<void> {
  const said = await runProgram(tools, program, args, program === 'mkfs.btrfs' ? { environment: WITHOUT_CACHE } : {});
  if (said.exitCode !== 0) throw programError(program, place.path, said);
}

/**
 * mkfs with a planned UUID, flushed, then read back. Whether the device may be formatted was decided before (S1, S2);
 * without `wipe` a signature that is not this very UUID's interrupted mkfs is refused all the same.
 * @throws `out_of_range` too small · `invalid` option · `denied` something is there · `in_use` · `unavailable` mkfs is
 * missing (with its package) or the device fails · `data_loss` what was written does not read back
 */
export async function format(place: Place, o: FormatOptions, tools: Tools): Promise<void> {
  checkArguments(place, o);
  mkfsOptionArgs(o.fsType, o.options);
  const ground = await survey(place, o, tools);
  // Signatures that the new file system would leave in place make every later probe ambivalent.
  if (ground.force) await mustRun(tools, 'wipefs', ['--all', '--', place.path], place);
  await mustRun(tools, PROGRAM[o.fsType], mkfsArgs(place, o, ground), place);
  syncPath(place.path);
  const made = await readSuperblock(place);
  if (made?.verdict === 'fs' && made.fsType === o.fsType && made.uuid === o.uuid) return;
  throw new VolumeError('data_loss', `${PROGRAM[o.fsType]} answered 0, but ${place.path} does not hold what it made.`, {
    details: { expected: `${o.fsType} ${o.uuid}`, found: made?.found ?? 'no file system' },
    hint: 'Look at the kernel log (dmesg) for errors of the device.',
  });
}
