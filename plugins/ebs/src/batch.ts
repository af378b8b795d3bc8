import { type Clock, type Patience, unlessAborted } from './clock.ts';

/** How calls follow each other: a few at once, then at a distance, so that under load all questions of that time share one. */
export interface Pace {
  /** How long the first request waits for company, ms. */
  readonly windowMs: number;
  /** Calls that may follow each other at once after a quiet time. */
  readonly burst: number;
  /** Distance of the starts of two calls after that, ms. */
  readonly spacingMs: number;
}
/** About two calls a second of EC2's 20 for each reading action: the rest is everybody else's, and one wait is late by a quarter of a second. */
export const USUAL_PACE: Pace = { windowMs: 10, burst: 6, spacingMs: 520 };

export interface BatchOptions<V> {
  readonly clock: Clock;
  /** Keys of one call. */
  readonly size: number;
  readonly pace: Pace;
  /** What is not in the answer does not exist. */
  readonly fetch: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;
}

interface Pending<V> {
  readonly promise: Promise<V | undefined>;
  readonly settle: { resolve(v: V | undefined): void; reject(e: unknown): void };
}

/** Many questions, few calls. An answer is always of a call that began after its question, so it shows what was done before. */
export class Batcher<V> {
  readonly #o: BatchOptions<V>;
  #waiting = new Map<string, Pending<V>>();
  #scheduled = false;
  /** When the next call would start if all were at their distance; behind by at most the burst. */
  #due = Number.NEGATIVE_INFINITY;

  constructor(o: BatchOptions<V>) {
    this.#o = o;
  }

  get(key: string, p: Pick<Patience, 'signal'>): Promise<V | undefined> {
    let pending = this.#waiting.get(key);
    if (pending === undefined) {
      pending = newPending<V>();
      this.#waiting.set(key, pending);
      if (!this.#scheduled) void this.#schedule();
    }
    return unlessAborted(pending.promise, p.signal);
  }

  async #schedule(): Promise<void> {
    const { clock } = this.#o;
    const { windowMs, burst, spacingMs } = this.#o.pace;
    this.#scheduled = true;
    this.#due = Math.max(this.#due, clock.now() - burst * spacingMs);
    await clock.sleep(Math.max(windowMs, this.#due - clock.now()));
    this.#due += spacingMs;
    const batch = this.#waiting;
    this.#waiting = new Map();
    this.#scheduled = false;
    const keys = [...batch.keys()];
    for (let i = 0; i < keys.length; i += this.#o.size) {
      void this.#run(keys.slice(i, i + this.#o.size), batch);
    }
  }

  async #run(keys: readonly string[], batch: ReadonlyMap<string, Pending<V>>): Promise<void> {
    try {
      const found = await this.#o.fetch(keys);
      for (const k of keys) batch.get(k)?.settle.resolve(found.get(k));
    } catch (e) {
      for (const k of keys) batch.get(k)?.settle.reject(e);
    }
  }
}

function newPending<V>(): Pending<V> {
  let settle: Pending<V>['settle'] = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<V | undefined>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever asked may have gone away: nobody is left to hear of the failure.
  promise.catch(() => undefined);
  return { promise, settle };
}
