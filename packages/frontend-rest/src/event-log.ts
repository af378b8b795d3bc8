import { randomBytes } from 'node:crypto';
import type { EventName, EventSource } from '@rexray/core';
import { EVENT_NAMES, isReplayed } from '@rexray/rest-client';

/** An event as it goes out. Without an id it is live only. */
export interface Logged {
  readonly id?: string;
  readonly type: EventName;
  readonly service?: string;
  readonly volume?: string;
  /** As it is written to every listener. */
  readonly text: string;
}

export type Since = { readonly missed: string | undefined; readonly events: readonly Logged[] };

/** The last events, numbered, for listeners that come back. Ids carry the start of the server, so that a restart is noticed. */
export class EventLog {
  readonly #epoch = randomBytes(4).toString('hex');
  readonly #ring: Logged[] = [];
  readonly #size: number;
  readonly #listeners = new Set<(e: Logged) => void>();
  readonly #subscriptions: Disposable[];
  #seq = 0;

  constructor(source: EventSource, size: number) {
    this.#size = size;
    this.#subscriptions = EVENT_NAMES.map((type) => source.on(type, (x) => this.#add(type, x)));
  }

  /** What a listener that came now would go on after. */
  get position(): string {
    return `${this.#epoch}.${this.#seq}`;
  }

  /** Events after an id, and whether some are missing between. */
  since(id: string): Since {
    const [epoch, text = ''] = id.split('.');
    const seq = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (epoch !== this.#epoch || !(seq <= this.#seq))
      return { missed: 'the server was restarted meanwhile', events: [...this.#ring] };
    const first = this.#seq - this.#ring.length + 1;
    if (seq + 1 < first) return { missed: `only the last ${this.#size} events are kept`, events: [...this.#ring] };
    return { missed: undefined, events: this.#ring.slice(seq + 1 - first) };
  }

  listen(listener: (e: Logged) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    for (const s of this.#subscriptions) s[Symbol.dispose]();
    this.#listeners.clear();
  }

  #add(type: EventName, x: { readonly service?: string; readonly volume?: string }): void {
    const kept = isReplayed(type);
    // Steps and progress come by the hundred: nobody pays for their text unless somebody listens.
    if (!kept && this.#listeners.size === 0) return;
    if (kept) this.#seq += 1;
    const e: Logged = {
      type,
      ...(x.service !== undefined && { service: x.service }),
      ...(x.volume !== undefined && { volume: x.volume }),
      text: `${kept ? `id: ${this.position}\n` : ''}event: ${type}\ndata: ${JSON.stringify({ type, ...x })}\n\n`,
      ...(kept && { id: this.position }),
    };
    if (kept) {
      this.#ring.push(e);
      if (this.#ring.length > this.#size) this.#ring.shift();
    }
    for (const listener of this.#listeners) listener(e);
  }
}
