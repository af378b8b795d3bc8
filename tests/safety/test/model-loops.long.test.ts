/** Random verbs by concurrent callers on two nodes over real loop devices, with faults and kills: 500 sequences. */
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { sequencesOnLoops } from './loops.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const RUNS = Number(process.env.SAFETY_RUNS ?? 500);

suite('model on real loop devices', { root: true, loop: true, namespaces: true, programs: { ...XFS, ...EXT4 } }, () => {
  it(`${RUNS} sequences`, { timeout: 6 * 3_600_000 }, async () => {
    const seed = Number(process.env.SAFETY_SEED ?? 1);
    const half = Math.ceil(RUNS / 2);
    const ran = await Promise.all([0, 1].map((i) => sequencesOnLoops(cleanup, half, seed + i)));
    console.log(`model on real loop devices: ${ran.reduce((a, b) => a + b, 0)} sequences held`);
  });
});
