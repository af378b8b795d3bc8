import type { Clock } from '../src/clock.ts';

/** Time that passes when everybody waits: hours in a second, and the same each run. */
export class VirtualClock implements Clock {
  #now = 0;
  #seq = 0;
  #seed: number;
  readonly #heap: { at: number; seq: number; wake: () => void }[] = [];

  constructor(seed = 1) {
    this.#seed = seed;
  }
  now(): number {
    return this.#now;
  }
  /** mulberry32: jitter that repeats. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      this.#push({ at: this.#now + Math.max(0, ms), seq: this.#seq++, wake: resolve });
    });
  }
  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = work.finally(() => {
      over = true;
    });
    end.catch(() => undefined);
    while (!over) {
      // Everything that can go on without time goes on first.
      await new Promise((resolve) => setImmediate(resolve));
      if (over) break;
      const next = this.#pop();
      if (next === undefined) continue;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    return end;
  }

  #push(e: { at: number; seq: number; wake: () => void }): void {
    const h = this.#heap;
    let i = h.push(e) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(e, h[up])) break;
      h[i] = h[up] as typeof e;
      i = up;
    }
    h[i] = e;
  }
  #pop(): { at: number; wake: () => void } | undefined {
    const h = this.#heap;
    const top = h[0];
    const last = h.pop();
    if (top === undefined || last === undefined || h.length === 0) return top;
    let i = 0;
    for (;;) {
      let c = 2 * i + 1;
      if (c >= h.length) break;
      if (c + 1 < h.length && before(h[c + 1], h[c])) c += 1;
      if (!before(h[c], last)) break;
      h[i] = h[c] as typeof last;
      i = c;
    }
    h[i] = last;
    return top;
  }
}
const before = (a: { at: number; seq: number } | undefined, b: { at: number; seq: number } | undefined): boolean =>
  a !== undefined && (b === undefined || a.at < b.at || (a.at === b.at && a.seq < b.seq));
