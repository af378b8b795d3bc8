import { setMaxListeners } from 'node:events';
import { VolumeError } from '@rexray/core';

/** How long `close` lets running verbs end by themselves, in ms; then they are told to stop and undo what they did. */
export const CLOSE_GRACE_MS = 10_000;
/** How long it then waits for their undo. What has not ended by then is the next open's to reconcile. */
const UNDO_MS = 40_000;

/** Counts the verbs that run, so that nothing is taken from under them; lets none begin once it closes. */
export class Gate {
  readonly #running = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  #closed = false;
  #admitted: ReadonlySet<string> = new Set();

  constructor() {
    // One listener for each verb that runs: many are no leak.
    setMaxListeners(0, this.#stop.signal);
  }

  /** Aborted when the verbs that still run have to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** @throws `unavailable` once it closes, but for the volumes that are admitted */
  run<T>(volume: unknown, verb: () => Promise<T>): Promise<T> {
    if (this.#closed && !(typeof volume === 'string' && this.#admitted.has(volume))) return Promise.reject(closed());
    const running = verb();
    this.#running.add(running);
    const ended = (): void => void this.#running.delete(running);
    running.then(ended, ended);
    return running;
  }

  /** From now on only verbs of these volumes begin. */
  refuse(admitted: Iterable<string>): void {
    this.#closed = true;
    this.#admitted = new Set(admitted);
  }

  /** Resolves when nothing runs any more. @returns whether that is so, or the wait was given up */
  async drain(graceMs: number): Promise<boolean> {
    this.refuse([]);
    if (await this.#within(graceMs)) return true;
    this.#stop.abort();
    return this.#within(UNDO_MS);
  }

  async #within(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([Promise.allSettled([...this.#running]), late]);
    clearTimeout(timer);
    return this.#running.size === 0;
  }
}

const closed = (): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', 'This REX-Ray was closed.', {
    details: {},
    hint: 'Open another one, or call before close().',
  });
