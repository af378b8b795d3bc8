import type { EventSource } from '@rexray/core';

/** What another process of this node changed is seen after this, in ms; what this one changed at once. */
const KEPT_MS = 1000;
const MOST = 10_000;

/** Where volumes are mounted, as it was read a moment ago: `Path` may be asked in a loop, and no engine needs it to be newer. */
export class Paths {
  readonly #kept = new Map<string, { readonly at: number; readonly path: string }>();
  readonly #listening: readonly Disposable[];
  /** Grows with each change, so that what was read before one is not kept after it. */
  #changes = 0;

  constructor(events: EventSource, service: string) {
    const forget = (e: { readonly service: string; readonly volume: string }): void => {
      if (e.service !== service) return;
      this.#changes += 1;
      this.#kept.delete(e.volume);
    };
    this.#listening = (['volume.mounted', 'volume.unmounted', 'volume.lost', 'volume.removed'] as const).map((event) =>
      events.on(event, forget),
    );
  }

  async of(volume: string, read: () => Promise<string>): Promise<string> {
    const kept = this.#kept.get(volume);
    if (kept !== undefined && performance.now() - kept.at < KEPT_MS) return kept.path;
    const before = this.#changes;
    const at = performance.now();
    const path = await read();
    if (before === this.#changes) {
      if (this.#kept.size >= MOST) this.#kept.clear();
      this.#kept.set(volume, { at, path });
    }
    return path;
  }

  close(): void {
    for (const l of this.#listening) l[Symbol.dispose]();
  }
}
