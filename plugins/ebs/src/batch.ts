import { type Clock, type Patience, unlessAborted } from './clock.ts';

export interface BatchOptions<V> {
  readonly clock: Clock;
  /** Keys of one call. */
  readonly size: number;
  /** How long the first request waits for company, ms. */
  readonly windowMs: number;
  /** Least time between the starts of two calls, ms: under load, all requests of that time share one. */
  readonly spacingMs: number;
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
  #last = Number.NEGATIVE_INFINITY;

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
    const { clock, windowMs, spacingMs } = this.#o;
    this.#scheduled = true;
    await clock.sleep(Math.max(windowMs, this.#last + spacingMs - clock.now()));
    const batch = this.#waiting;
    this.#waiting = new Map();
    this.#scheduled = false;
    this.#last = clock.now();
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
