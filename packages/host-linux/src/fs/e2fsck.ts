import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { firstLines, programError, runProgram, type Said, type Tools } from './programs.ts';
import type { Place } from './reader.ts';

/** Bits of e2fsck's exit status: 1 and 2 are repairs that worked. */
const LEFT_UNREPAIRED = 4;
const FAILED = 8;

/** The refusal that a person has to act on. */
export const needsPerson = (place: Place, program: string, said: string, fsType: string): VolumeError<'data_loss'> =>
  new VolumeError('data_loss', `The ${fsType} file system on ${place.path} is damaged: ${said}.`, {
    details: { found: said },
    hint: `Nothing was changed. Copy the volume first, then run ${program} on the copy by hand.`,
  });

/**
 * `e2fsck -p`, which replays the journal and repairs what is safe. It repairs as it goes and may give up later, so its
 * writes go to an undo file as well: after a refusal the device is byte for byte as it was.
 * @param force examine all of it, as resize2fs and tune2fs ask for
 * @throws `data_loss` when a person is needed · `in_use` · `unavailable`
 */
export async function preen(place: Place, force: boolean, tools: Tools): Promise<Said> {
  // Of the same name each time: what a killed process left is gone, its own e2fsck has died with the lock.
  const dir = join(tools.scratchDir, tools.scratchName);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { mode: 0o700 });
  const undo = join(dir, 'e2undo');
  try {
    const said = await runProgram(tools, 'e2fsck', [...(force ? ['-f'] : []), '-p', '-z', undo, '--', place.path]);
    if ((said.exitCode & ~3) === 0) return said;
    if ((said.exitCode & LEFT_UNREPAIRED) !== 0) {
      await takeBack(place, undo, tools);
      throw needsPerson(place, 'e2fsck', without(firstLines(said.text, 8), undo), 'ext4');
    }
    const error = programError('e2fsck', place.path, said);
    // Exit 8 without a reason of the device is a superblock that cannot be read.
    if ((said.exitCode & FAILED) === 0 || error.code !== 'internal') throw error;
    throw needsPerson(place, 'e2fsck', firstLines(said.text), 'ext4');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const without = (text: string, undo: string): string =>
  text
    .split(' · ')
    .filter((line) => !line.includes(undo) && !line.startsWith('Overwriting existing filesystem'))
    .join(' · ');

async function takeBack(place: Place, undo: string, tools: Tools): Promise<void> {
  const said = await runProgram(tools, 'e2undo', ['--', undo, place.path]);
  // An undo file without a block in it (nothing was written) is refused by e2undo; that is what was wanted.
  if (said.exitCode !== 0 && !/no such file|corrupt|bad magic|not an undo file/i.test(said.text)) {
    throw programError('e2undo', place.path, said);
  }
}

/** `e2fsck -n`: looks at everything and changes nothing. @returns what it said when it found errors */
export async function examine(place: Place, tools: Tools): Promise<string | undefined> {
  const said = await runProgram(tools, 'e2fsck', ['-f', '-n', '--', place.path]);
  if (said.exitCode === 0) return undefined;
  if ((said.exitCode & LEFT_UNREPAIRED) !== 0) return firstLines(said.text, 8);
  throw programError('e2fsck', place.path, said);
}
