import { setTimeout as sleep } from 'node:timers/promises';
import { left, type Patience } from './client.ts';

/** A pause that ends early when the caller goes away. @throws the reason of the signal */
export async function pause(ms: number, p: Patience): Promise<void> {
  p.signal.throwIfAborted();
  await sleep(Math.min(ms, left(p)), undefined, { signal: p.signal }).catch(() => p.signal.throwIfAborted());
}

/** Growing, jittered pauses: two that wait for one thing do not meet again and again. */
export const backOff = (attempt: number, first = 15, longest = 400): number =>
  Math.min(longest, first * 1.6 ** Math.min(attempt, 20)) * (0.5 + Math.random());

/** One at a time for each key, in this process. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(key: string, body: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(body, body);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  /** Resolves once everything that is under way now has ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#last.values()]);
  }
}
