import type { ServerResponse } from 'node:http';
import type { CallOptions, Integration, Progress } from '@rexray/core';
import { argsOf, labelsOf, omit, type Route } from '@rexray/rest-client';

/** A verb of the integration with the fields of a request. */
export function perform(
  it: Integration,
  route: Route,
  fields: Readonly<Record<string, unknown>>,
  call: CallOptions,
): Promise<unknown> {
  const [first = '', second] = route.op.split('.');
  const on = (second === undefined ? it : it[first as 'snapshots']) as unknown as Record<string, Verb>;
  const verb = on[second ?? first] as Verb;
  return verb.apply(on, argsOf(route, ready(route, fields), call)).then((r) => answerOf(route, r));
}
type Verb = (...args: unknown[]) => Promise<unknown>;

/** What the verb would do. The plan takes all arguments but the first by name. */
export function performDry(
  it: Integration,
  route: Route,
  fields: Readonly<Record<string, unknown>>,
  call: CallOptions,
): Promise<unknown> {
  const [first = ''] = route.args;
  return it.plan(route.op as never, String(fields[first]), { ...omit(fields, [first]), ...call });
}

function ready(route: Route, fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (route.op !== 'list' && route.op !== 'snapshots.list') return fields;
  const { label, name, state, limit = 100, ...rest } = fields;
  const several = { ...(name !== undefined && { names: name }), ...(state !== undefined && { states: state }) };
  return { ...rest, ...several, limit, ...(label !== undefined && { labels: labelsOf(label as readonly string[]) }) };
}

/** Lists that are no pages stand in an object, so that something can be added to it later. */
const answerOf = (route: Route, r: unknown): unknown =>
  Array.isArray(r) && route.answer !== undefined ? { items: r } : r;

/** Shortest time between two reports of progress to one listener, in ms. */
const PROGRESS_MS = 100;

/**
 * The answer of a verb that takes its time, for callers that accept it: a line for each progress, a sign of life where
 * there is none. Nothing is written before it is needed: a quick verb is answered as ever.
 */
export class SlowAnswer {
  readonly #r: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  readonly #headers: Readonly<Record<string, string>>;
  #last = 0;

  constructor(r: ServerResponse, o: { readonly signMs: number; readonly headers: Readonly<Record<string, string>> }) {
    this.#r = r;
    this.#headers = o.headers;
    this.#timer = setInterval(() => this.#write('\n'), o.signMs);
    this.#timer.unref();
  }

  /** Whether the answer must be given by {@link end}. */
  get begun(): boolean {
    return this.#r.headersSent;
  }

  progress(p: Progress): void {
    const now = performance.now();
    if (now - this.#last < PROGRESS_MS && p.done !== p.total) return;
    this.#last = now;
    this.#write(`${JSON.stringify({ progress: p })}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The last line: what would have been status and body. */
  end(status: number, body: string): void {
    const what = body === '' ? '' : `,"${status < 400 ? 'result' : 'problem'}":${body}`;
    if (!this.#r.destroyed) this.#r.end(`{"status":${status}${what}}\n`);
  }

  #write(text: string): void {
    if (this.#r.destroyed || this.#r.writableEnded || this.#r.writableLength > 65_536) return;
    if (!this.#r.headersSent) this.#r.writeHead(200, { 'content-type': 'application/x-ndjson', ...this.#headers });
    this.#r.write(text);
  }
}
