import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type FrontendContext, VolumeError } from '@rexray/core';
import { ROUTES } from '@rexray/rest-client';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { failure } from './answers.ts';
import type { Audit } from './audit.ts';
import type { Access } from './auth/callers.ts';
import type { RestConfig } from './config.ts';
import { Matching } from './etag.ts';
import { EventLog } from './event-log.ts';
import { EventStreams } from './event-stream.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { Answers } from './idempotency.ts';
import { Connections } from './listen/connections.ts';
import type { Answering } from './listen/listeners.ts';
import { Observability } from './observability.ts';
import { Operations } from './operations.ts';
import { type Health, ownHandlers } from './own-handlers.ts';
import { installPage } from './page.ts';
import { errorOf, isV1 } from './v1/errors.ts';
import { V1Server } from './v1/server.ts';
import { verbHandler } from './verb-handler.ts';

/** The server without its socket. */
export interface App {
  readonly fastify: FastifyInstance;
  readonly operations: Operations;
  /** Cancels what runs: it rolls back, and its callers are told. */
  abort(): void;
  /** What further endpoints hand their requests to. */
  readonly answering: Answering;
  /** Takes nothing new, ends the streams of events, waits for the verbs that run. */
  drain(): Promise<void>;
  /** Answers when the last connection of the socket has ended. */
  close(): Promise<void>;
}
export interface AppParts {
  readonly config: RestConfig;
  readonly access: Access;
  readonly audit: Audit;
  readonly health: Health;
}

export function buildApp(context: Omit<FrontendContext, 'signal'>, { config, access, audit, health }: AppParts): App {
  const operations = new Operations(config);
  const log = new EventLog(context.events, config.eventBuffer);
  const streams = new EventStreams(log, config);
  const room = {
    services: context.services,
    access,
    audit,
    operations,
    answers: new Answers(config),
    signMs: config.signMs,
    matching: new Matching(),
  };
  const gatekeeper = new Gatekeeper(access, config);
  const fastify = server(context, config, gatekeeper);
  const observability = new Observability({ context, access, operations, health, audit });
  observability.install(fastify);
  installPage(fastify, { libstorage: config.libstorage.enabled });
  const v1 = config.libstorage.enabled ? libStorage(fastify, context, { config, access, audit }) : undefined;
  const connections = new Connections(fastify.server);
  const own = ownHandlers(context, { access, operations, streams, health });
  for (const route of ROUTES) {
    const handler = route.verb ? verbHandler(route, room) : own(route);
    fastify.route({ method: route.method, url: route.path.replace(/\{(\w+)\}/g, ':$1'), handler });
  }
  return {
    fastify,
    operations,
    abort() {
      operations.cancelAll();
      v1?.abort();
    },
    answering: {
      options: { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, keepAliveTimeout: KEEP_ALIVE_MS },
      prepare(it) {
        it.maxConnections = config.maxConnections;
        it.on('clientError', clientError);
      },
      handle(q, r, door) {
        gatekeeper.came(q, door);
        fastify.routing(q, r);
      },
    },
    async close() {
      const closed = fastify.close();
      connections.endIdle();
      await closed;
    },
    async drain() {
      streams.close();
      await Promise.all([operations.close(), v1?.drain()]);
      log.close();
      observability.close();
    },
  };
}

function libStorage(
  fastify: FastifyInstance,
  { services }: Pick<FrontendContext, 'services'>,
  { config, access, audit }: Pick<AppParts, 'config' | 'access' | 'audit'>,
): V1Server {
  const v1 = new V1Server({
    services,
    access,
    config: config.libstorage,
    audited: (q, { it, ...about }, act) =>
      audit.around({ ...about, it, caller: q.caller, requestId: q.id, asked: {}, named: about.op === 'create' }, act),
  });
  v1.install(fastify);
  return v1;
}

// Whole request, head included; how long a verb takes is its own deadline's business.
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
const KEEP_ALIVE_MS = 72_000;

/** What is not HTTP is told so, if it still listens. */
function clientError(e: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const status = e.code === 'HPE_HEADER_OVERFLOW' ? 431 : e.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const answer = failure(Object.assign(new Error(e.code), { statusCode: status, code: 'malformed' }), randomUUID());
  socket.end(
    `HTTP/1.1 ${answer.status} Refused\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(answer.body)}\r\n\r\n${answer.body}`,
  );
}

function server(context: Pick<FrontendContext, 'logger'>, config: RestConfig, gatekeeper: Gatekeeper): FastifyInstance {
  const refuse = (e: unknown, q: FastifyRequest, r: FastifyReply): unknown => {
    const answer = failure(e, q.id);
    if (answer.error.code === 'internal')
      context.logger.error(
        { requestId: q.id, err: String((e as Error)?.stack ?? e) },
        `${q.method} ${q.url} failed by a bug`,
      );
    r.header('x-request-id', q.id).code(answer.status).headers(answer.headers);
    if (!config.libstorage.enabled || !isV1(q.url)) return r.send(Buffer.from(answer.body));
    const said = errorOf(answer.error, answer.status);
    return r.header('content-type', 'application/json').send(Buffer.from(`${JSON.stringify(said, undefined, 2)}\n`));
  };
  const fastify = Fastify({
    bodyLimit: config.maxBodyBytes,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestIdHeader: false,
    genReqId: (q) => requestId(q.headers['x-request-id']),
    routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
    return503OnClosing: false,
    frameworkErrors: refuse,
    clientErrorHandler: clientError,
  });
  fastify.server.headersTimeout = HEADERS_MS;
  fastify.server.maxConnections = config.maxConnections;
  fastify.removeContentTypeParser('text/plain');
  fastify.setErrorHandler(refuse);
  fastify.setNotFoundHandler((q, r) => refuse(noRoute(q, r), q, r));
  let closing = false;
  fastify.addHook('preClose', async () => {
    closing = true;
  });
  gatekeeper.install(fastify);
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
