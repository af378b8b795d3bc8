import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type CallOptions, type Progress, VolumeError } from '@rexray/core';
import { canceled, WENT_AWAY } from './faults.ts';
import { lines } from './lines.ts';
import { fromProblem } from './problem.ts';
import { API, type Route } from './routes.ts';
import type { Transport } from './transport.ts';
import { toWire, type WireCall } from './wire.ts';

export interface RemoteCallOptions extends CallOptions {
  /** The same key with the same request gets the same answer again, for some minutes. */
  readonly idempotencyKey?: string | undefined;
  /** Further headers of this request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** For how long the roll-back of a canceled call is waited for, in ms: the server undoes within 30 s. */
const ROLL_BACK_MS = 35_000;
const NDJSON = 'application/x-ndjson';

/**
 * One call, from request to answer. Aborting its signal cancels the verb on the server, and the call ends only when the
 * server has said what became of it.
 */
export async function call(
  t: Transport,
  route: Route,
  fields: Readonly<Record<string, unknown>>,
  o: RemoteCallOptions & { service?: string },
): Promise<unknown> {
  const wire = toWire(route, fields, o.service, route.verb ? o.timeoutMs : undefined);
  if (o.signal?.aborted) throw canceled('it was canceled before it was sent', true);
  const id = route.mutates ? randomUUID() : undefined;
  const hangUp = new AbortController();
  const ended = new AbortController();
  const late = guard(o, hangUp);
  const stopListening = onAbort(o.signal, () =>
    id === undefined ? hangUp.abort(canceled(WENT_AWAY, true)) : void cancel(t, id, hangUp, ended.signal),
  );
  try {
    return await answer(t, route, wire, { ...o, id }, hangUp.signal);
  } catch (e) {
    throw hangUp.signal.aborted ? hangUp.signal.reason : e;
  } finally {
    stopListening();
    clearTimeout(late);
    // A reason of its own: the default one is a DOMException, whose making costs more than the rest of a short call.
    ended.abort('ended');
  }
}

/** The server keeps the deadline; this only notices that it did not. */
function guard(o: CallOptions, hangUp: AbortController): NodeJS.Timeout | undefined {
  if (o.timeoutMs === undefined) return undefined;
  const ms = Math.min(o.timeoutMs + ROLL_BACK_MS, 2 ** 31 - 1);
  const late = setTimeout(
    () =>
      hangUp.abort(
        new VolumeError(
          'timeout',
          `The server did not answer within ${ms} ms, although the deadline was ${o.timeoutMs} ms.`,
          {
            details: { afterMs: ms },
            hint: 'Its outcome is unknown: look at the volume before you try again.',
          },
        ),
      ),
    ms,
  );
  late.unref();
  return late;
}

function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  signal?.addEventListener('abort', act, { once: true });
  return () => signal?.removeEventListener('abort', act);
}

/** Asks until the server knows the operation (the request itself may still be on its way), then lets the call end by itself. */
async function cancel(t: Transport, id: string, hangUp: AbortController, ended: AbortSignal): Promise<void> {
  const late = setTimeout(
    () => hangUp.abort(canceled(`the server did not say within ${ROLL_BACK_MS} ms that it rolled it back`, false)),
    ROLL_BACK_MS,
  );
  late.unref();
  ended.addEventListener('abort', () => clearTimeout(late), { once: true });
  try {
    for (let wait = 20; !ended.aborted; wait = Math.min(wait * 2, 1000)) {
      const r = await t.send({
        method: 'DELETE',
        target: `${API}/operations/${id}?waitMs=0`,
        headers: {},
        apart: true,
      });
      r.resume();
      if (r.statusCode === 200) return;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  } catch {
    // Nobody to ask: the server cancels what loses its connection.
    hangUp.abort(canceled('the server cannot be reached any more', false));
  }
}

async function answer(
  t: Transport,
  route: Route,
  wire: WireCall,
  o: RemoteCallOptions & { id: string | undefined },
  hangUp: AbortSignal,
): Promise<unknown> {
  const send = {
    method: wire.method,
    target: wire.target,
    headers: {
      accept: route.verb ? `application/json, ${NDJSON}` : 'application/json',
      ...(o.requestId !== undefined && { 'x-request-id': headerSafe(o.requestId) }),
      ...(o.id !== undefined && { 'x-operation-id': o.id }),
      ...(o.idempotencyKey !== undefined && { 'idempotency-key': o.idempotencyKey }),
      ...o.headers,
    },
    ...(wire.body !== undefined && { body: JSON.stringify(wire.body) }),
  };
  try {
    const r = await t.send(send, hangUp);
    if (r.headers['content-type']?.startsWith(NDJSON)) return await streamed(r, wire, o.onProgress);
    const text = await whole(r);
    const status = r.statusCode ?? 0;
    if (status < 300) return text === '' ? undefined : JSON.parse(text);
    throw fromProblem(parsed(text), status, `${wire.method} ${wire.target}`);
  } catch (e) {
    throw t.fault(e, wire);
  }
}

/** A request id travels in a header: what cannot is replaced, so that it never breaks the call. */
const headerSafe = (id: string): string => id.replace(/[^\x21-\x7e]/g, '_').slice(0, 128);

async function whole(r: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const c of r) chunks.push(c as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

interface Line {
  readonly progress?: Progress;
  readonly status?: number;
  readonly result?: unknown;
  readonly problem?: unknown;
}

async function streamed(r: IncomingMessage, wire: WireCall, onProgress: CallOptions['onProgress']): Promise<unknown> {
  let last: Line | undefined;
  // Read to the end, so that the connection stays usable.
  for await (const text of lines(r)) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    if (line.progress !== undefined) onProgress?.(line.progress);
    if (line.status !== undefined) last = line;
  }
  if (last?.status === undefined) throw new Error('the answer ended before its last line');
  if (last.problem !== undefined) throw fromProblem(last.problem, last.status, `${wire.method} ${wire.target}`);
  return last.result;
}
