import type { ServerResponse } from 'node:http';
import { type EventName, VolumeError } from '@rexray/core';
import { EVENT_NAMES, isEventName, isReplayed } from '@rexray/rest-client';
import type { EventLog, Logged } from './event-log.ts';

/** What a listener may leave unread before it is cut off, in bytes; it comes back with the id of the last event it has. */
const UNREAD_MAX = 2 ** 20;

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
      if (wanted(e)) write(r, text(e));
    };
    r.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    const stop = this.#log.listen(send);
    this.#open.add(r);
    r.on('close', () => {
      stop();
      this.#open.delete(r);
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

  close(): void {
    clearInterval(this.#sign);
    for (const r of this.#open) r.end();
  }
}

const text = (e: Logged): string => `${e.id === undefined ? '' : `id: ${e.id}\n`}event: ${e.type}\ndata: ${e.data}\n\n`;

function write(r: ServerResponse, what: string): void {
  if (r.writableEnded || r.destroyed) return;
  if (r.writableLength > UNREAD_MAX) r.destroy();
  else r.write(what);
}
