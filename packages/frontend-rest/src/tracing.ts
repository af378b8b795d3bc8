import type { IncomingHttpHeaders } from 'node:http';
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { CORE_VERSION, type EventSource } from '@rexray/core';

const NAME = 'rexray';
/** Requests and verbs that are followed at once. */
const MOST = 10_000;

interface Followed {
  readonly span: Span;
  readonly context: Context;
}

/**
 * Spans from request to driver call: request → verb → each try of a call. They are made of what the core tells, by the id
 * of the request, so that nothing below a front end knows of tracing. Where no exporter is configured nothing is followed.
 */
export class Tracing {
  readonly #requests = new Map<string, Followed>();
  readonly #verbs = new Map<string, Followed>();
  readonly #subscriptions: readonly Disposable[];

  constructor(events: EventSource) {
    this.#subscriptions = [
      events.on('op.started', ({ requestId, op, service, volume, holder }) => {
        const attributes = { service, volume, 'request.id': requestId, ...(holder !== undefined && { holder }) };
        const parent = this.#requests.get(requestId)?.context ?? ROOT_CONTEXT;
        this.#follow(this.#verbs, keyOf(requestId, op), op, { attributes, kind: SpanKind.INTERNAL }, parent);
      }),
      events.on('op.done', ({ requestId, op, error }) => {
        const verb = this.#verbs.get(keyOf(requestId, op));
        if (verb === undefined) return;
        this.#verbs.delete(keyOf(requestId, op));
        ended(verb.span, error?.code, error?.message);
      }),
      events.on('driver.call', (x) => this.#driverCall(x)),
    ];
  }

  /** @param method and route: what the span is called */
  begin(requestId: string, method: string, route: string, headers: IncomingHttpHeaders): void {
    const attributes = { 'http.request.method': method, 'http.route': route, 'request.id': requestId };
    const o = { attributes, kind: SpanKind.SERVER };
    this.#follow(this.#requests, requestId, `${method} ${route}`, o, remoteParent(headers.traceparent));
  }

  end(requestId: string, status: number): void {
    const request = this.#requests.get(requestId);
    if (request === undefined) return;
    this.#requests.delete(requestId);
    request.span.setAttribute('http.response.status_code', status);
    ended(request.span, status >= 500 ? String(status) : undefined);
  }

  close(): void {
    for (const s of this.#subscriptions) s[Symbol.dispose]();
    for (const { span } of [...this.#verbs.values(), ...this.#requests.values()]) span.end();
  }

  #follow(
    into: Map<string, Followed>,
    key: string,
    name: string,
    o: { attributes: Record<string, string>; kind: SpanKind },
    parent: Context,
  ): void {
    const span = trace.getTracer(NAME, CORE_VERSION).startSpan(name, o, parent);
    if (!span.isRecording()) return;
    if (into.size >= MOST) return void span.end();
    into.set(key, { span, context: trace.setSpan(parent, span) });
  }

  /** The call is over when it is told: its span is written down afterwards. */
  #driverCall(x: { requestId: string; op: string; service: string; ms: number; attempt: number; code?: string }): void {
    const verb = [...this.#verbs.entries()].find(([key]) => key.startsWith(`${x.requestId}\0`))?.[1];
    const parent = verb ?? this.#requests.get(x.requestId);
    if (parent === undefined) return;
    const now = Date.now();
    const attributes = { service: x.service, 'driver.attempt': x.attempt };
    const o = { startTime: now - x.ms, kind: SpanKind.CLIENT, attributes };
    const span = trace.getTracer(NAME, CORE_VERSION).startSpan(`driver ${x.op}`, o, parent.context);
    ended(span, x.code, undefined, now);
  }
}

const keyOf = (requestId: string, op: string): string => `${requestId}\0${op}`;

function ended(span: Span, code: string | undefined, message?: string, at?: number): void {
  if (code !== undefined) {
    span.setAttribute('error.type', code);
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  }
  span.end(at);
}

/** W3C: `00-<trace>-<span>-<flags>`. */
function remoteParent(header: string | string[] | undefined): Context {
  const m = typeof header === 'string' ? /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header) : null;
  if (m?.[1] === undefined || m[2] === undefined || /^0+$/.test(m[1]) || /^0+$/.test(m[2])) return ROOT_CONTEXT;
  const parent = { traceId: m[1], spanId: m[2], traceFlags: Number.parseInt(m[3] ?? '0', 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}
