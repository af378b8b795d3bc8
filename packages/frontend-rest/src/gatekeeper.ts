import type { IncomingMessage } from 'node:http';
import { VolumeError } from '@rexray/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access, Caller, Door } from './auth/callers.ts';
import { RateLimit } from './auth/rate.ts';
import type { RestConfig } from './config.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before anything of the request is looked at. */
    caller: Caller;
  }
}

/** The server's first socket: the file system decides who may use it. */
export const OWN_DOOR: Door = { name: 'socket', unix: true, anonymous: false, certRequired: false, known: [] };

/** Whether the server lives, and a page that says nothing of what is here: for anybody. */
const OPEN_PATHS: readonly string[] = ['/healthz', '/readyz', '/docs'];

/** Nobody gets further who does not say who it is, or asks too often. */
export class Gatekeeper {
  readonly #access: Access;
  readonly #callers: RateLimit;
  readonly #addresses: RateLimit;
  readonly #doors = new WeakMap<IncomingMessage, Door>();
  readonly #limit: number;

  constructor(access: Access, config: Pick<RestConfig, 'rateLimit'>) {
    this.#access = access;
    this.#limit = config.rateLimit.perSecond;
    this.#callers = new RateLimit(config.rateLimit);
    // Refused attempts of one address: what a guesser of tokens is given.
    this.#addresses = new RateLimit(config.rateLimit);
  }

  /** Remembers where a request came in. */
  came(q: IncomingMessage, door: Door): void {
    this.#doors.set(q, door);
  }

  install(fastify: FastifyInstance): void {
    fastify.decorateRequest('caller', null as unknown as Caller);
    fastify.addHook('onRequest', async (q: FastifyRequest, r: FastifyReply) => {
      r.header('x-request-id', q.id).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      await this.#admit(q);
    });
  }

  async #admit(q: FastifyRequest): Promise<void> {
    const door = this.#doors.get(q.raw) ?? OWN_DOOR;
    const address = q.raw.socket.remoteAddress ?? '';
    try {
      q.caller = await this.#access.callerOf(q.raw, door);
    } catch (e) {
      this.#pass(this.#addresses, address, door);
      if (!OPEN_PATHS.includes(q.url.split('?')[0] ?? '')) throw e;
      q.caller = { name: 'nobody', via: 'nobody', address };
      return;
    }
    const { name, via } = q.caller;
    this.#pass(this.#callers, via === 'nobody' ? address : `${via} ${name}`, door);
  }

  /** The socket is the operator's: who may use it could as well stop the server. */
  #pass(limit: RateLimit, caller: string, door: Door): void {
    const retryAfterMs = door.unix ? 0 : limit.take(caller);
    if (retryAfterMs > 0) throw new TooMany(this.#limit, retryAfterMs);
  }
}

/** 429 with Retry-After. */
class TooMany extends VolumeError<'exhausted'> {
  readonly retryAfterMs: number;
  constructor(limit: number, retryAfterMs: number) {
    super('exhausted', `More than ${limit} requests a second came from this caller.`, {
      details: { limit },
      hint: 'Ask less often; the header Retry-After says when to go on.',
    });
    this.retryAfterMs = retryAfterMs;
  }
}
