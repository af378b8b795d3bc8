import { CORE_VERSION, type FrontendContext } from '@rexray/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Audit } from './audit.ts';
import type { Access } from './auth/callers.ts';
import { Metrics } from './metrics.ts';
import type { Operations } from './operations.ts';
import type { Health } from './own-handlers.ts';
import { type Check, Readiness } from './readiness.ts';
import { Tracing } from './tracing.ts';

interface Parts {
  readonly context: Omit<FrontendContext, 'signal'>;
  readonly access: Access;
  readonly operations: Operations;
  readonly health: Health;
  readonly audit: Audit;
}

/** `/metrics`, `/healthz`, `/readyz`, and a span for each request. */
export class Observability {
  readonly #p: Parts;
  readonly #metrics: Metrics;
  readonly #tracing: Tracing;
  readonly #readiness = new Readiness();

  constructor(p: Parts) {
    this.#p = p;
    const { services, events } = p.context;
    this.#metrics = new Metrics({ services, events, running: () => p.operations.running });
    this.#tracing = new Tracing(events);
  }

  install(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', async (q) => {
      this.#tracing.begin(q.id, q.method, routeOf(q), q.headers);
    });
    fastify.addHook('onResponse', async (q, r) => {
      this.#tracing.end(q.id, r.statusCode);
      this.#metrics.request(q.method, routeOf(q), r.statusCode, r.elapsedTime);
    });
    fastify.get('/metrics', async (q, r) => {
      const { type, body } = await this.#metrics.text((service) => this.#p.access.may(q.caller, service));
      return r.header('content-type', type).send(body);
    });
    // Alive is what answers: a storage that is away is no reason to end this process.
    fastify.get('/healthz', async () => ({ ok: true, version: CORE_VERSION }));
    fastify.get('/readyz', async (q, r) => {
      const checks = await this.#checks(q);
      const ok = checks.every((c) => c.ok);
      return r.code(ok ? 200 : 503).send(q.caller.via === 'nobody' ? { ok } : { ok, checks });
    });
  }

  close(): void {
    this.#metrics.close();
    this.#tracing.close();
  }

  /** Who is nobody learns whether, and not what; and of services only what it may see. */
  async #checks(q: FastifyRequest): Promise<readonly Check[]> {
    const { context, access, health, audit } = this.#p;
    const own = await health();
    const services = Object.values(access.visible(q.caller, context.services));
    return [
      { name: 'listening', ok: own.ok, ...(own.detail !== undefined && { detail: own.detail }) },
      { name: 'audit', ok: audit.fault === undefined, ...(audit.fault !== undefined && { detail: audit.fault }) },
      ...(await this.#readiness.checks(services)),
    ];
  }
}

/** As it is registered: names of volumes are no labels. */
const routeOf = (q: FastifyRequest): string => q.routeOptions.url ?? 'none';
