import { randomUUID } from 'node:crypto';
import { CORE_VERSION, type FrontendContext, type Integration, VolumeError } from '@rexray/core';
import { ROUTES, type Route, type RouteOp, type ServiceInfo } from '@rexray/rest-client';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { failure } from './answers.ts';
import { check, fromQuery } from './check.ts';
import type { RestConfig } from './config.ts';
import { EventLog } from './event-log.ts';
import { EventStreams, type StreamAsk } from './event-stream.ts';
import { Answers } from './idempotency.ts';
import { openApi } from './openapi.ts';
import { Operations } from './operations.ts';
import { serviceOf, verbHandler } from './verb-handler.ts';

/** The server without its socket. */
export interface App {
  readonly fastify: FastifyInstance;
  readonly operations: Operations;
  /** Takes nothing new, ends the streams of events, waits for the verbs that run. */
  drain(): Promise<void>;
}
export type Health = () => Promise<{ readonly ok: boolean; readonly detail?: string }>;

type Handler = (q: FastifyRequest, r: FastifyReply) => unknown;

export function buildApp(context: Omit<FrontendContext, 'signal'>, config: RestConfig, health: Health): App {
  const operations = new Operations(config);
  const log = new EventLog(context.events, config.eventBuffer);
  const streams = new EventStreams(log, config);
  const room = { services: context.services, operations, answers: new Answers(config), signMs: config.signMs };
  const fastify = server(context, config);
  const own = ownHandlers(context, { operations, streams, health });
  for (const route of ROUTES) {
    const handler = route.verb ? verbHandler(route, room) : own(route);
    fastify.route({ method: route.method, url: route.path.replace(/\{(\w+)\}/g, ':$1'), handler });
  }
  return {
    fastify,
    operations,
    async drain() {
      streams.close();
      await operations.close();
      log.close();
    },
  };
}

function server(context: Pick<FrontendContext, 'logger'>, config: RestConfig): FastifyInstance {
  const refuse = (e: unknown, q: FastifyRequest, r: FastifyReply): unknown => {
    const answer = failure(e, q.id);
    if (answer.error.code === 'internal')
      context.logger.error(
        { requestId: q.id, err: String((e as Error)?.stack ?? e) },
        `${q.method} ${q.url} failed by a bug`,
      );
    return r.header('x-request-id', q.id).code(answer.status).headers(answer.headers).send(Buffer.from(answer.body));
  };
  const fastify = Fastify({
    bodyLimit: config.maxBodyBytes,
    // Whole request, head included; how long a verb takes is its own deadline's business.
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    requestIdHeader: false,
    genReqId: (q) => requestId(q.headers['x-request-id']),
    routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
    return503OnClosing: false,
    frameworkErrors: refuse,
    clientErrorHandler(e, socket) {
      if (!socket.writable) return void socket.destroy();
      const status = e.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
      const answer = failure(Object.assign(new Error(e.code), { statusCode: status, code: 'malformed' }), randomUUID());
      socket.end(
        `HTTP/1.1 ${answer.status} Refused\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(answer.body)}\r\n\r\n${answer.body}`,
      );
    },
  });
  fastify.server.headersTimeout = 10_000;
  fastify.server.maxConnections = config.maxConnections;
  fastify.removeContentTypeParser('text/plain');
  fastify.setErrorHandler(refuse);
  fastify.setNotFoundHandler((q, r) => refuse(noRoute(q, r), q, r));
  let closing = false;
  fastify.addHook('preClose', async () => {
    closing = true;
  });
  fastify.addHook('onRequest', async (q, r) => {
    r.header('x-request-id', q.id).header('cache-control', 'no-store');
  });
  fastify.addHook('onSend', async (_q, r) => {
    if (closing) r.header('connection', 'close');
  });
  fastify.addHook('onResponse', async (q, r) => {
    context.logger.debug(
      {
        requestId: q.id,
        method: q.method,
        url: q.url.slice(0, 500),
        status: r.statusCode,
        ms: Math.round(r.elapsedTime * 10) / 10,
      },
      'request',
    );
  });
  return fastify;
}

const requestId = (given: string | string[] | undefined): string =>
  typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();

/** 405 where the path is right, else 404. */
function noRoute(q: FastifyRequest, r: FastifyReply): VolumeError {
  const path = q.url.split('?')[0] ?? '';
  const allow = ROUTES.filter((route) => new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}/?$`).test(path)).map(
    (x) => x.method,
  );
  if (allow.length === 0)
    return new VolumeError('not_found', `${q.method} ${path.slice(0, 200)} is not a route of this interface.`, {
      details: { what: 'route' },
      hint: 'The routes are described at /openapi.json.',
    });
  r.header('allow', allow.join(', '));
  const error = new VolumeError('invalid', `${q.method} is not allowed on ${path.slice(0, 200)}.`, {
    details: { path: 'method', value: q.method, expected: allow.join(', ') },
  });
  return Object.assign(error, { statusCode: 405 });
}

interface Own {
  readonly operations: Operations;
  readonly streams: EventStreams;
  readonly health: Health;
}

/** Routes that are no verbs of an integration. */
function ownHandlers(
  context: Omit<FrontendContext, 'signal'>,
  { operations, streams, health }: Own,
): (route: Route) => Handler {
  // Asked each time: whoever embeds the server may read its configuration again.
  const { services } = context;
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
    'services.list': () => ({ items: Object.values(services).map(info) }),
    'services.get': (q) => info(serviceOf(services, (q.params as { service: string }).service)),
    'operations.list': () => ({ items: operations.list() }),
    'operations.get': (q) => operations.get(id(q), wait(q, 0)),
    'operations.cancel': (q) => operations.cancel(id(q), wait(q, 20_000)),
    openapi() {
      document ??= openApi();
      return document;
    },
    async health(_q, r) {
      const h = await health();
      return r.code(h.ok ? 200 : 503).send({
        ...h,
        version: CORE_VERSION,
        startedAt,
        services: Object.keys(services),
        ...(context.defaultService !== undefined && { defaultService: context.defaultService }),
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
      streams.start(r.raw, types, ask);
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
