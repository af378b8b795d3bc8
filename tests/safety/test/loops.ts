import { join } from 'node:path';
import { type Cleanup, mountedFileSystem } from '@rexray/rig';
import fc from 'fast-check';
import { expect } from 'vitest';
import { bundle } from '../src/bundle.ts';
import { Broken, checkSequence } from '../src/check-sequence.ts';
import { Loops } from '../src/loops-world.ts';
import { type Sequence, sequences } from '../src/sequence.ts';

/** Random sequences on real loop devices: on xfs a takeover switches the image, on ext4 there is none. */
export async function sequencesOnLoops(cleanup: Cleanup, runs: number, seed: number): Promise<number> {
  const program = await bundle(cleanup, './loops-main.ts');
  const open = (fsType: 'xfs' | 'ext4'): Promise<Loops> =>
    Loops.open(cleanup, program, join(mountedFileSystem(cleanup, fsType, '8G'), 'volumes'));
  const [switching, unfenced] = [await open('xfs'), await open('ext4')];
  let ran = 0;
  const one = async (asked: Sequence): Promise<void> => {
    const fenced = asked.fencing !== 'none';
    const q: Sequence = { ...asked, fencing: fenced ? 'switch' : 'none' };
    const world = (fenced ? switching : unfenced).world();
    try {
      await checkSequence(world, q);
      ran += 1;
      if (ran % 10 === 0) process.stderr.write(`loops, seed ${seed}: ${ran}\n`);
    } catch (e) {
      throw new Error(`${e instanceof Broken ? e.message : String((e as Error).stack)}\n${JSON.stringify(q)}`, {
        cause: e,
      });
    } finally {
      await world.close();
    }
  };
  const { SAFETY_REPLAY: replay } = process.env;
  if (replay !== undefined) {
    await one(JSON.parse(replay) as Sequence);
    return ran;
  }
  const r = await fc.check(fc.asyncProperty(sequences({ sizes: [400, 450, 500], rounds: 6 }), one), {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: 6 * 3_600_000,
    endOnFailure: process.env.SAFETY_SHRINK !== 'true',
  });
  const said = r.errorInstance instanceof Error ? r.errorInstance.message : '';
  expect(r.failed ? said : '').toBe('');
  return ran;
}
