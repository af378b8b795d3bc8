import { randomBytes } from 'node:crypto';
import { VolumeError } from '@rexray/core';
import { type Client, lastWords, left, type Patience } from './client.ts';
import type { Maker } from './maker.ts';
import { Place } from './place.ts';
import { backOff, pause, Turns } from './waiting.ts';

/** After its deadline a holder may still give back what it holds, this long. */
const AFTERWARDS_MS = 60_000;

interface Holder {
  readonly maker: string;
  /** How long it may hold the lock, in ms, by its own clock. */
  readonly ms: number;
}

/**
 * One at a time on a volume, among all nodes. VirtualBox has no compare-and-swap, and attaches one disk to two machines that
 * are off; but its notes are written one after the other. So: announce, look, and hold only when nobody else is announced. Of
 * two, at least one sees the other.
 *
 * A holder that is dead is known on its own node by its process. Elsewhere it is waited for as long as it said it may hold
 * the lock: no clock of another machine decides, and a holder that lives has ended by then.
 */
export class Locks {
  readonly #client: Client;
  readonly #maker: Maker;
  readonly #turns = new Turns();
  readonly #seen = new Map<string, number>();

  constructor(client: Client, maker: Maker) {
    this.#client = client;
    this.#maker = maker;
  }

  hold<T>(place: string, id: string, p: Patience, body: () => Promise<T>): Promise<T> {
    return this.#turns.take(id, async () => {
      const all = `${Place.notes(place)}lock/${id}/`;
      const mine = `${all}${randomBytes(8).toString('hex')}`;
      const value = JSON.stringify({ maker: this.#maker.token, ms: Math.round(left(p)) } satisfies Holder);
      try {
        await this.#take(all, mine, value, p);
        return await body();
      } finally {
        await this.#client.setNote(mine, undefined, lastWords()).catch(() => undefined);
      }
    });
  }

  /** Of several that wait, the one whose name comes first stays announced; the others step back. */
  async #take(all: string, mine: string, value: string, p: Patience): Promise<void> {
    let announced = false;
    for (let attempt = 0; ; attempt++) {
      p.signal.throwIfAborted();
      const began = performance.now();
      if (!announced) await this.#client.setNote(mine, value, p);
      announced = true;
      const rivals = (await this.#client.notes(p)).filter((n) => n.startsWith(all) && n !== mine);
      if (rivals.length === 0) return;
      const alive = await this.#living(rivals, p);
      if (alive.length === 0) continue;
      if (alive.some((n) => n < mine)) {
        await this.#client.setNote(mine, undefined, p);
        announced = false;
      }
      // A look costs what it costs: pauses that are short beside it would meet again and again.
      const wait = backOff(attempt, Math.max(15, (performance.now() - began) / 4), 1_000);
      if (left(p) <= wait + 50) throw busy(await this.#client.note(alive[0] ?? '', p));
      await pause(wait, p);
    }
  }

  /** Rivals that must be waited for; those that are dead are removed. */
  async #living(rivals: readonly string[], p: Patience): Promise<string[]> {
    const alive: string[] = [];
    for (const name of rivals) {
      const text = await this.#client.note(name, p);
      if (text === undefined) continue;
      const first = this.#seen.get(name) ?? performance.now();
      this.#seen.set(name, first);
      const { maker, ms } = holder(text);
      const over = !this.#maker.isOfThisNode(maker) && performance.now() - first > ms + AFTERWARDS_MS;
      if (this.#maker.isDead(maker) || over) await this.#client.setNote(name, undefined, p);
      else alive.push(name);
    }
    return alive;
  }

  /** Locks that dead processes of this node left. */
  async sweep(place: string, p: Patience): Promise<void> {
    const prefix = `${Place.notes(place)}lock/`;
    for (const [name, text] of await this.#client.notesWhere((n) => n.startsWith(prefix), p)) {
      if (this.#maker.isDead(holder(text).maker)) await this.#client.setNote(name, undefined, p);
    }
  }
}

function holder(text: string): Holder {
  try {
    const h = JSON.parse(text) as Partial<Holder>;
    return { maker: String(h.maker), ms: Number(h.ms) || 0 };
  } catch {
    return { maker: '', ms: 0 };
  }
}

const busy = (by: string | undefined): VolumeError<'busy'> =>
  new VolumeError('busy', 'Another node works on the volume and has not ended.', {
    details: { op: 'lock', retryAfterMs: 1_000 },
    hint: `Try again. What holds it: ${by ?? 'it has just ended'}.`,
  });
