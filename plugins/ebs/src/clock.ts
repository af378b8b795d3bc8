import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** Time as the driver sees it; tests on a virtual clock pass hours in a second. */
export interface Clock {
  /** Milliseconds, monotonic; the clock that `ctx.deadline` is on. */
  now(): number;
  /** Rejects with the signal's reason when it fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1): jitter. */
  random(): number;
}

export const realClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await pause(ms, undefined, signal === undefined ? {} : { signal });
    } catch (e) {
      throw signal?.reason ?? e;
    }
  },
  random: () => Math.random(),
};

/** Who waits for what, and until when. */
export interface Patience {
  readonly signal: AbortSignal;
  /** On the driver's clock, ms. */
  readonly deadline: number;
  /** The node for which it is done, where that is another machine than this one. */
  readonly node?: string;
}

/** The promise, or the reason of the signal, whichever is first. */
export async function unlessAborted<T>(p: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  // One caller may wait for many volumes with one signal.
  setMaxListeners(0, signal);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([p, aborted]);
  } finally {
    stop();
  }
}
