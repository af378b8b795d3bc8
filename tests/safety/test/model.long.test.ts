/** Random verbs by concurrent callers on two simulated nodes, with faults, against a reference model: 100,000 sequences. */
import { Cleanup } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { blocks, told } from './blocks.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const RUNS = Number(process.env.SAFETY_RUNS ?? 100_000);
const FIRST = Number(process.env.SAFETY_SEED ?? 1);
const BLOCK = 1000;

it(`model: ${RUNS} sequences on simulated machines`, { timeout: 4 * 3_600_000 }, async () => {
  const runs = Math.min(BLOCK, RUNS);
  const seeds = Array.from({ length: Math.ceil(RUNS / runs) }, (_, i) => FIRST + i);
  const all = await blocks(cleanup, { seeds, runs }, 2);
  const ran = all.reduce((n, b) => n + b.runs, 0);
  const failed = all.filter((b) => b.failed !== undefined);
  console.log(`model: ${ran} sequences, ${failed.length} blocks with one that does not hold`);
  expect(failed.map(told)).toEqual([]);
  expect(ran).toBeGreaterThanOrEqual(RUNS);
});
