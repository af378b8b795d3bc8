/** Callers that are remembered at once; the longest silent one is forgotten first. */
const CALLERS_MAX = 10_000;

/** So many requests a second for each caller, and some more at once: a bucket that fills again. */
export class RateLimit {
  readonly #o: { readonly perSecond: number; readonly burst: number };
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(o: { readonly perSecond: number; readonly burst: number }) {
    this.#o = o;
  }

  /** Takes one. @returns ms until the next is there; 0: taken */
  take(caller: string, now = performance.now()): number {
    const { perSecond, burst } = this.#o;
    if (perSecond === 0) return 0;
    const known = this.#buckets.get(caller);
    const left = known === undefined ? burst : Math.min(burst, known.left + ((now - known.at) * perSecond) / 1000);
    // Deleted and set: the map is in the order of the last call.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { left: left >= 1 ? left - 1 : left, at: now });
    if (this.#buckets.size > CALLERS_MAX) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return left >= 1 ? 0 : Math.ceil(((1 - left) * 1000) / perSecond);
  }
}
