import type { EventName, EventOf } from '@rexray/core';
import { serverSent } from './lines.ts';
import { fromProblem } from './problem.ts';
import { routeOf } from './routes.ts';
import type { Transport } from './transport.ts';
import { toWire } from './wire.ts';

/** An event of the server. `gap`: events were missed that the server no longer has (it restarted, or it was too long ago). */
export type RemoteEvent =
  | (EventOf<EventName> & { readonly id?: string })
  | { readonly type: 'gap'; readonly id?: string; readonly why: string };

export interface EventsOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** Default: all but `op.step` and `op.progress`. */
  readonly types?: readonly EventName[];
  readonly service?: string;
  readonly volume?: string;
  /** Go on after this event; an `id` that was seen before. */
  readonly after?: string;
  /** Called whenever the stream stands: from then on nothing is missed. */
  readonly onOpen?: () => void;
}

/**
 * Events until the signal is aborted. A connection that breaks is made again, and goes on after the last event seen.
 * @throws VolumeError when the first connection fails, or when the server refuses
 */
export async function* remoteEvents(t: Transport, o: EventsOptions = {}): AsyncGenerator<RemoteEvent> {
  let last = o.after;
  let first = true;
  for (let wait = 100; o.signal?.aborted !== true; wait = Math.min(wait * 2, 5000)) {
    try {
      for await (const e of once(t, o, last)) {
        wait = 50;
        first = false;
        if (e === 'open') {
          o.onOpen?.();
          continue;
        }
        last = e.id ?? last;
        if (e.data !== undefined)
          yield { ...(JSON.parse(e.data) as RemoteEvent), ...(e.id !== undefined && { id: e.id }) };
      }
    } catch (e) {
      if (o.signal?.aborted) return;
      if (first || e instanceof Refused) throw e instanceof Refused ? e.error : e;
    }
    await pause(wait, o.signal);
  }
}

class Refused extends Error {
  readonly error: Error;
  constructor(error: Error) {
    super(error.message);
    this.error = error;
  }
}

async function* once(
  t: Transport,
  o: EventsOptions,
  last: string | undefined,
): AsyncGenerator<'open' | { id?: string; data?: string }> {
  const { types: type, service, volume } = o;
  const route = routeOf('events');
  const wire = toWire(route, { type, service, volume });
  const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) };
  const r = await t.send({ method: wire.method, target: wire.target, headers, apart: true }, o.signal);
  const status = r.statusCode ?? 0;
  if (status !== 200) {
    let text = '';
    for await (const c of r) text += String(c);
    const error = fromProblem(json(text), status, `${wire.method} ${wire.target}`);
    // Overload and shutdown pass; a refusal does not.
    throw error.retryable ? error : new Refused(error);
  }
  yield 'open';
  for await (const e of serverSent(r)) yield e;
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted) done();
  });
