import { BINDFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { cutOffForGood, partitions } from './partition.ts';
import { slowStorm, storm } from './writers.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const SEED = Number(process.env.SAFETY_SEED ?? 1);

suite('S5, S10, S11: two writers, in short', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...XFS, ...EXT4, ...BINDFS },
}, () => {
  it('stopped, storming, dying nodes with clocks that jump, 8 times', { timeout: 600_000 }, () =>
    storm(cleanup, 8, SEED),
  );

  it('the same on a slow disk that stalls, 7 times', { timeout: 600_000 }, () => slowStorm(cleanup, 7, SEED));

  it('nodes that are cut off from the directory, 6 times', { timeout: 600_000 }, () => partitions(cleanup, 6, SEED));

  it(
    'a node that is cut off for good loses the volume to a person only, who gets all that was acknowledged',
    {
      timeout: 120_000,
    },
    () => cutOffForGood(cleanup),
  );
});
