import type { ServerResponse } from 'node:http';
import { type EventName, VolumeError } from '@rexray/core';
import { EVENT_NAMES, isEventName, isReplayed } from '@rexray/rest-client';
import type { EventLog, Logged } from './event-log.ts';

/** What a listener may leave unread before it is cut off, in bytes; it comes back with the id of the last event it has. */
const UNREAD_MAX = 2 ** 20;
/** So many listeners hear each event at once; more hear what came within so many ms. */
const FEW = 50;
const MOMENT_MS = 20;

export interface StreamAsk {
  readonly type?: readonly string[];
  readonly service?: string;
  readonly volume?: string;
  readonly after?: string | undefined;
  /** Whether the listener may see a service; an event of none is for those who see all. */
  readonly sees?: (service: string) => boolean;
}

/** The streams of events that are open, bounded in number and in what each may leave unread. */
export class EventStreams {
  readonly #log: EventLog;
  readonly #o: { readonly maxListeners: number; readonly signMs: number };
  readonly #open = new Set<ServerResponse>();
  readonly #sign: NodeJS.Timeout;
  readonly #waiting = new Map<ServerResponse, string>();
  #flush: NodeJS.Timeout | undefined;

  constructor(log: EventLog, o: { readonly maxListeners: number; readonly signMs: number }) {
    this.#log = log;
    this.#o = o;
    this.#sign = setInterval(() => {
      for (const r of this.#open) write(r, ':\n\n');
    }, o.signMs);
    this.#sign.unref();
  }

  /** @throws VolumeError `invalid` (an unknown event), `unavailable` (too many listeners) */
  check(ask: StreamAsk): ReadonlySet<EventName> {
    if (this.#open.size >= this.#o.maxListeners)
      throw new VolumeError('unavailable', `${this.#open.size} listeners are connected already.`, {
        details: { retryAfterMs: 5000 },
        hint: 'Close one, or try again later.',
      });
    if (ask.type === undefined) return new Set(EVENT_NAMES.filter(isReplayed));
    const names = ask.type.flatMap((t) => t.split(','));
    const unknown = names.find((n) => !isEventName(n));
    if (unknown !== undefined)
      throw new VolumeError('invalid', `query: "${unknown}" is not an event.`, {
        details: { path: 'type', value: unknown, expected: EVENT_NAMES.join(', ') },
        hint: `Known: ${EVENT_NAMES.join(', ')}.`,
      });
    return new Set(names as EventName[]);
  }

  /** Writes until the listener goes or the server closes. */
  start(r: ServerResponse, types: ReadonlySet<EventName>, ask: StreamAsk): void {
    const wanted = (e: Logged): boolean =>
      types.has(e.type) &&
      (e.service === undefined || ask.sees?.(e.service) !== false) &&
      (ask.service === undefined || e.service === ask.service) &&
      (ask.volume === undefined || e.volume === ask.volume);
    const send = (e: Logged): void => {
      if (wanted(e)) this.#soon(r, e.text);
    };
    r.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    const stop = this.#log.listen(send);
    this.#open.add(r);
    r.on('close', () => {
      stop();
      this.#open.delete(r);
      this.#waiting.delete(r);
    });
    // No await between here and `listen`: nothing is missed and nothing comes twice.
    if (ask.after === undefined) write(r, `retry: 1000\nid: ${this.#log.position}\n\n`);
    else {
      const { missed, events } = this.#log.since(ask.after);
      if (missed !== undefined) write(r, `event: gap\ndata: ${JSON.stringify({ type: 'gap', why: missed })}\n\n`);
      for (const e of events) send(e);
      write(r, `id: ${this.#log.position}\n\n`);
    }
  }

  /** Where many listen, what comes within a moment is one write for each of them; a few hear at once. */
  #soon(r: ServerResponse, text: string): void {
    const before = this.#waiting.get(r);
    if (before === undefined && this.#open.size <= FEW) {
      write(r, text);
      return;
    }
    this.#waiting.set(r, (before ?? '') + text);
    this.#flush ??= setTimeout(() => this.#flushNow(), MOMENT_MS);
  }

  #flushNow(): void {
    this.#flush = undefined;
    for (const [r, text] of this.#waiting) write(r, text);
    this.#waiting.clear();
  }

  close(): void {
    clearTimeout(this.#flush);
    this.#flushNow();
    clearInterval(this.#sign);
    for (const r of this.#open) r.end();
  }
}

function write(r: ServerResponse, what: string): void {
  if (r.writableEnded || r.destroyed) return;
  if (r.writableLength > UNREAD_MAX) r.destroy();
  else r.write(what);
}
