/**
 * Random sequences on simulated machines, in a process of its own: several share the many that a long run asks for. Tells
 * each block of them as a line of JSON.
 */
import fc from 'fast-check';
import { Broken, checkSequence } from './check-sequence.ts';
import { simulateTime } from './clock.ts';
import { type Sequence, sequences } from './sequence.ts';
import { simulatedWorld } from './simulated-world.ts';

export interface ModelOrder {
  readonly seeds: readonly number[];
  /** Sequences of each seed. */
  readonly runs: number;
}
export interface ModelBlock {
  readonly seed: number;
  readonly runs: number;
  /** Absent when all held. */
  readonly failed?: { readonly message: string; readonly sequence: Sequence };
}

/** @throws Broken, with the sequence in a form that replays */
export async function hold(q: Sequence): Promise<void> {
  const world = await simulatedWorld(q.fencing);
  try {
    await checkSequence(world, q);
  } catch (e) {
    throw new Error(e instanceof Broken ? e.message : String((e as Error).stack), { cause: e });
  } finally {
    await world.close();
  }
}

export async function block(seed: number, runs: number): Promise<ModelBlock> {
  const arbitrary = sequences({ sizes: [400, 450, 500], rounds: 12 });
  const r = await fc.check(fc.asyncProperty(arbitrary, hold), { numRuns: runs, seed });
  const [sequence] = r.counterexample ?? [];
  if (sequence === undefined) return { seed, runs: r.numRuns };
  const e = r.errorInstance;
  return { seed, runs: r.numRuns, failed: { message: e instanceof Error ? e.message : String(e), sequence } };
}

if (process.argv[1] === import.meta.filename) {
  const { seeds, runs } = JSON.parse(process.argv[2] ?? '{}') as ModelOrder;
  Error.stackTraceLimit = 4;
  const realTime = simulateTime();
  for (const seed of seeds) process.stdout.write(`${JSON.stringify(await block(seed, runs))}\n`);
  realTime();
}
