import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simulateTime } from '../src/clock.ts';
import { block, hold } from '../src/model-main.ts';
import { ONCE_BROKEN } from '../src/once-broken.ts';
import type { Sequence } from '../src/sequence.ts';
import { told } from './blocks.ts';

/** Simulated machines wait in simulated time. */
let realTime = (): void => {};
beforeEach(() => {
  realTime = simulateTime();
});
afterEach(() => realTime());

Error.stackTraceLimit = 4;
const RUNS = 2000;
const SEED = Number(process.env.SAFETY_SEED ?? 1);
const { SAFETY_REPLAY: replay } = process.env;

describe.runIf(replay === undefined)('model: random verbs by concurrent callers on two nodes, with faults', () => {
  it(`${RUNS} sequences on simulated machines`, { timeout: 600_000 }, async () => {
    const b = await block(SEED, Number(process.env.SAFETY_RUNS ?? RUNS));
    expect(told(b)).toBe('');
  });

  it.each(Object.entries(ONCE_BROKEN))('%s', (_what, q) => hold(q));
});

it.runIf(replay !== undefined)('a replay', () => hold(JSON.parse(replay ?? '') as Sequence));
