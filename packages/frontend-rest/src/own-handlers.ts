import { CORE_VERSION, type FrontendContext, type Integration } from '@rexray/core';
import type { Route, RouteOp, ServiceInfo } from '@rexray/rest-client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from './auth/callers.ts';
import { check, fromQuery } from './check.ts';
import type { EventStreams, StreamAsk } from './event-stream.ts';
import { openApi } from './openapi.ts';
import type { Operations } from './operations.ts';
import { serviceOf } from './verb-handler.ts';

export type Health = () => Promise<{ readonly ok: boolean; readonly detail?: string }>;
export type Handler = (q: FastifyRequest, r: FastifyReply) => unknown;

interface Own {
  readonly access: Access;
  readonly operations: Operations;
  readonly streams: EventStreams;
  readonly health: Health;
}

/** Routes that are no verbs of an integration. */
export function ownHandlers(
  context: Omit<FrontendContext, 'signal'>,
  { access, operations, streams, health }: Own,
): (route: Route) => Handler {
  // Asked each time: whoever embeds the server may read its configuration again.
  const of = (q: FastifyRequest): FrontendContext['services'] => access.visible(q.caller, context.services);
  const sees = (q: FastifyRequest) => (service: string) => access.may(q.caller, service);
  const startedAt = new Date().toISOString();
  const info = (it: Integration): ServiceInfo => ({
    service: it.service,
    driver: it.driver,
    default: it.service === context.defaultService,
    traits: it.traits,
    can: it.can,
  });
  const wait = (q: FastifyRequest, fallback: number): number => (queryOf(q).waitMs as number | undefined) ?? fallback;
  const id = (q: FastifyRequest): string => (q.params as { operation: string }).operation;
  const queryOf = (q: FastifyRequest): Record<string, unknown> =>
    (q as FastifyRequest & { asked: Record<string, unknown> }).asked;
  let document: object | undefined;
  const handlers: Partial<Record<RouteOp, Handler>> = {
    'services.list': (q) => ({ items: Object.values(of(q)).map(info) }),
    'services.get': (q) => info(serviceOf(of(q), (q.params as { service: string }).service)),
    'operations.list': (q) => ({ items: operations.list().filter((o) => sees(q)(o.service)) }),
    'operations.get': (q) => operations.get(id(q), { waitMs: wait(q, 0), sees: sees(q) }),
    'operations.cancel': (q) => operations.cancel(id(q), { waitMs: wait(q, 20_000), sees: sees(q) }),
    openapi() {
      document ??= openApi();
      return document;
    },
    async health(q, r) {
      const h = await health();
      return r.code(h.ok ? 200 : 503).send({
        ...h,
        version: CORE_VERSION,
        startedAt,
        services: Object.keys(of(q)),
        ...(context.defaultService !== undefined &&
          sees(q)(context.defaultService) && { defaultService: context.defaultService }),
        operations: operations.running,
      });
    },
    events(q, r) {
      const last = q.headers['last-event-id'];
      const ask: StreamAsk = {
        ...queryOf(q),
        after: typeof last === 'string' && last !== '' ? last.slice(0, 100) : undefined,
      };
      const types = streams.check(ask);
      r.hijack();
      streams.start(r.raw, types, { ...ask, sees: sees(q) });
      return r;
    },
  };
  return (route) => {
    const handler = handlers[route.op];
    if (handler === undefined) throw new Error(`no handler of ${route.op}`);
    return async (q, r) => {
      Object.assign(q, {
        asked: check(route.query, fromQuery(route.query, q.query as Record<string, string>), 'query'),
      });
      return handler(q, r);
    };
  };
}
