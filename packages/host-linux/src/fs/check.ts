import { type FsType, isVolumeError, type Probe, VolumeError } from '@rexray/core';
import { examine, needsPerson, preen } from './e2fsck.ts';
import { probe, readSuperblock } from './probe.ts';
import { firstLines, runProgram, type Tools } from './programs.ts';
import { type Place, syncPath } from './reader.ts';
import { undoResize } from './resize.ts';

export interface CheckOptions {
  readonly fsType: FsType;
  readonly repair: boolean;
  /** It still has the UUID of its original, whose undo file is not used up here. */
  readonly copy?: boolean;
}
export interface Checked {
  readonly clean: boolean;
  readonly said?: string;
}

/** ext4's family: a volume that was adopted may be ext2 or ext3, which the same tools and driver serve. */
export const isOfType = (found: Probe | undefined, fsType: FsType): found is Probe =>
  found?.verdict === 'fs' && (found.fsType === fsType || (fsType === 'ext4' && /^ext[23]$/.test(found.fsType ?? '')));

/** Programs that look at a file system without a superblock search the whole device; what they find by then is enough. */
const LOOK_MS = 20_000;

async function saidOf(tools: Tools, program: 'xfs_repair' | 'btrfs', args: readonly string[]): Promise<string> {
  try {
    const said = await runProgram(tools, program, args, { timeoutMs: Math.min(tools.timeoutMs, LOOK_MS) });
    return firstLines(said.text, 4);
  } catch (e) {
    if (isVolumeError(e, 'unavailable', 'timeout')) return '';
    throw e;
  }
}

const BY_HAND: Readonly<Record<FsType, string>> = { ext4: 'e2fsck', xfs: 'xfs_repair', btrfs: 'btrfs check' };

/** No valid superblock of that type: say what is there, in our words and the checker's. */
async function refuse(place: Place, fsType: FsType, tools: Tools): Promise<never> {
  const found = await probe(place, { prove: false }, tools);
  if (found.verdict === 'foreign' || (found.verdict === 'fs' && found.fsType !== fsType)) {
    throw new VolumeError('data_loss', `${place.path} should hold ${fsType} and holds ${found.found ?? 'another'}.`, {
      details: { expected: fsType, found: found.found ?? found.verdict },
      hint: 'Nothing was changed. Find out which volume this device belongs to before anything else.',
    });
  }
  const checker =
    fsType === 'xfs'
      ? await saidOf(tools, 'xfs_repair', ['-n', '--', place.path])
      : fsType === 'btrfs'
        ? await saidOf(tools, 'btrfs', ['check', '--readonly', '--', place.path])
        : '';
  const words = [found.found ?? 'no superblock', checker].filter((text) => text !== '').join('; ');
  throw needsPerson(place, BY_HAND[fsType], words, fsType);
}

async function checkExt4(place: Place, found: Probe, o: CheckOptions, tools: Tools): Promise<Checked> {
  if (found.clean === true) return { clean: true };
  const why = found.found ?? 'it is not clean';
  if (o.repair) {
    if (await undoResize(place, tools, o.copy))
      return { clean: true, said: 'a growth that was interrupted was taken back' };
    const said = await preen(place, false, tools);
    syncPath(place.path);
    return { clean: true, said: firstLines(said.text) };
  }
  // A journal that waits for its replay looks like damage to a checker that may not replay it.
  if (why.includes('journal')) return { clean: false, said: why };
  const errors = await examine(place, tools);
  if (errors !== undefined) throw needsPerson(place, BY_HAND.ext4, errors, 'ext4');
  return { clean: false, said: why };
}

/**
 * Whether a file system may be mounted (S24). A superblock that verifies and says clean is answered without a child.
 * ext4 with `repair`: what `e2fsck -p` mends. xfs and btrfs replay their own log at the mount (`clean: false` says that a
 * read-only mount would write); their logs are never thrown away.
 * @throws `data_loss` with what was found; nothing was changed then · `in_use` · `unavailable`
 */
export async function check(place: Place, o: CheckOptions, tools: Tools): Promise<Checked> {
  const found = await readSuperblock(place);
  if (!isOfType(found, o.fsType)) return refuse(place, o.fsType, tools);
  if (o.fsType === 'ext4') return checkExt4(place, found, o, tools);
  if (found.clean !== false) return { clean: true };
  const why = found.found ?? 'it is not clean';
  if (!/needs? to be replayed|has to be replayed/.test(why)) return refuse(place, o.fsType, tools);
  return { clean: false, said: why };
}
