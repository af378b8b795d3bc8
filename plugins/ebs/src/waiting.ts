import { VolumeError } from '@rexray/core';
import type { Clock, Patience } from './clock.ts';
import { isThrottle, isUnknown } from './errors.ts';

/** Looks are this often while a change is young, then rarer: EC2 ends most within seconds, and shared calls cost one for all. */
const SHORTEST_MS = 100;
const USUAL_MS = 400;
const YOUNG_MS = 20_000;
const LONGEST_MS = 5_000;

/** The wait before the next look at something that has been changing for `sinceMs`, jittered. */
export function nextLook(clock: Clock, attempt: number, sinceMs: number, firstMs = SHORTEST_MS): number {
  const usual = sinceMs < YOUNG_MS ? USUAL_MS : Math.min(LONGEST_MS, sinceMs / 10);
  return Math.min(usual, firstMs * 2 ** attempt) * (0.9 + clock.random() / 5);
}

export interface Waiting<T> {
  readonly clock: Clock;
  readonly patience: Patience;
  /** Own bound in ms, besides the deadline. */
  readonly boundMs: number;
  readonly firstMs?: number;
  /** Looks, and perhaps acts: a value ends the wait, a word is what is still missing. */
  readonly step: (attempt: number) => Promise<{ readonly done: T } | { readonly still: string }>;
  /** What to say when the time is over. */
  readonly late: (still: string) => Error;
}

/**
 * Repeats a step until it is done: an observation that decides the next act. A reply that was lost only makes the next step
 * look again, so nothing is done twice and nothing is forgotten (S13).
 */
export async function until<T>(w: Waiting<T>): Promise<T> {
  const { clock, patience } = w;
  const began = clock.now();
  const end = Math.min(patience.deadline, began + w.boundMs);
  let still = 'not looked at yet';
  for (let attempt = 0; ; attempt++) {
    try {
      const r = await w.step(attempt);
      if ('done' in r) return r.done;
      still = r.still;
    } catch (e) {
      if (patience.signal.aborted || !(isUnknown(e) || isThrottle(e))) throw e;
      still = `EC2 did not answer (${e instanceof Error ? e.message : String(e)})`;
      if (clock.now() >= end) throw e;
    }
    const wait = nextLook(clock, attempt, clock.now() - began, w.firstMs);
    if (clock.now() + wait > end) throw w.late(still);
    await clock.sleep(wait, patience.signal);
  }
}

export const lateError = (what: string, still: string, op: string, hint: string): VolumeError<'timeout'> =>
  new VolumeError('timeout', `${what}: ${still}.`, { details: { step: op }, hint });
