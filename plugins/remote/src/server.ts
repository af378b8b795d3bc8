import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyVolumeError, type Ctx, isVolumeError, remaining, type StorageOp, VolumeError } from '@rexray/core';
import { type Address, addressFor, type ClientFiles, connect, type RestClient, routeOf } from '@rexray/rest-client';
import type { RemoteConfig } from './config.ts';

type Fields = Readonly<Record<string, unknown>>;

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;
/** For how long a server that could not be reached is tried only once a call, in ms. */
const DOWN_MS = 5_000;
/** Asked again and again by itself: nobody waits for an answer to the last time. */
const IMPATIENT: readonly StorageOp[] = ['owner'];

/** What became of a call. */
export interface Asked<T> {
  readonly answer: T;
  /** It was asked again after its outcome had been lost: it may have been done before. */
  readonly again: boolean;
}

/**
 * Calls of one service of a server. What a lost connection leaves unknown is asked again under the same idempotency key: a
 * server that remembers it answers the same, one that was restarted does it anew, and every verb of the interface bears that.
 */
export class Server {
  readonly #config: RemoteConfig;
  #client: RestClient | undefined;
  #token: string | undefined;
  #service: string | undefined;
  #downUntil = 0;
  /** The node for which is asked, and the place that it knows (S9). */
  node: string | undefined;
  place: string | undefined;

  constructor(config: RemoteConfig) {
    this.#config = config;
    this.#service = config.service;
  }

  async call<T>(op: StorageOp, fields: Fields, ctx: Ctx): Promise<T> {
    return (await this.ask<T>(op, fields, ctx)).answer;
  }

  /** @throws VolumeError what the server says; `unavailable` when nobody could be reached for `patienceMs` */
  async ask<T>(op: StorageOp, fields: Fields, ctx: Ctx): Promise<Asked<T>> {
    const key = randomUUID();
    const until = performance.now() + (IMPATIENT.includes(op) ? 0 : this.#config.patienceMs);
    let again = false;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const patient = performance.now() > this.#downUntil;
      try {
        const answer = (await this.#once(op, fields, key, ctx)) as T;
        this.#downUntil = 0;
        return { answer, again };
      } catch (e) {
        if (again && !isPassing(e)) throw new Outcome(e);
        if (!isPassing(e)) throw e;
        again ||= outcomeUnknown(e);
        if (!patient || performance.now() + wait > until || remaining(ctx) < wait) {
          this.#downUntil = performance.now() + DOWN_MS;
          throw e;
        }
      }
      await sleep(wait, undefined, { signal: ctx.signal }).catch(() => {
        throw ctx.signal.reason;
      });
    }
  }

  async #once(op: StorageOp, fields: Fields, key: string, ctx: Ctx): Promise<unknown> {
    const client = this.#connected();
    this.#service ??= await theDefault(client, ctx);
    const { mutates } = routeOf(`storage.${op}`);
    const header = (name: string, value: string | undefined): Record<string, string> =>
      value === undefined ? {} : { [name]: encodeURIComponent(value) };
    return client.call(`storage.${op}`, fields, {
      service: this.#service,
      signal: ctx.signal,
      timeoutMs: Math.max(1, Math.ceil(remaining(ctx))),
      requestId: ctx.requestId,
      onProgress: (p) => ctx.progress(p),
      ...(mutates && { idempotencyKey: key }),
      headers: { ...header('x-rexray-node', ctx.node ?? this.node), ...header('x-rexray-place', this.place) },
    });
  }

  /** The files are read when they are needed: a token that was renewed is used from then on. */
  #connected(): RestClient {
    const address = addressOf(this.#config);
    if (this.#client === undefined || address.token !== this.#token) {
      this.#client?.close();
      this.#client = connect(address);
      this.#token = address.token;
    }
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }
}

/** @throws VolumeError `invalid`: a file that cannot be read */
function addressOf(c: RemoteConfig): Address {
  const token = c.tokenFile === undefined ? c.token : tokenIn(c.tokenFile);
  const files = { tls: c.tls, ...(token !== undefined && { token }) } as ClientFiles;
  const { connectMs, silenceMs, allowPlaintext } = c;
  return { ...addressFor(c.host, files), connectMs, silenceMs, allowPlaintext };
}

function tokenIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (e) {
    const found = (e as NodeJS.ErrnoException).code ?? String(e);
    throw new VolumeError('invalid', `The file of the token, ${path}, cannot be read (${found}).`, {
      details: { path: 'libstorage.client.auth.token', value: path, expected: 'a file that holds a token' },
      cause: e,
    });
  }
}

async function theDefault(client: RestClient, ctx: Ctx): Promise<string> {
  const it = (await client.services({ signal: ctx.signal, requestId: ctx.requestId })).find((s) => s.default);
  if (it !== undefined) return it.service;
  throw new VolumeError('invalid', `The server on ${client.address} has no default service.`, {
    details: { path: 'libstorage.service', expected: 'the name of a service of the server' },
    hint: 'Name one: libstorage.service.',
  });
}

/** What the server answered after a try whose outcome is not known: it may be an answer to what that try had done. */
export class Outcome extends Error {
  readonly said: unknown;
  constructor(said: unknown) {
    super('answered after a lost reply');
    this.said = said;
  }
}

/** The connection, not the storage behind the server; or a server that asks to be left alone for a moment. */
function isPassing(e: unknown): e is AnyVolumeError {
  if (!isVolumeError(e, 'unavailable')) return false;
  return e.cause !== undefined || (e.place.requestId !== undefined && e.details.retryAfterMs !== undefined);
}

/** Nothing was sent where there was no connection. */
const NOT_SENT = /^(ENOENT|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|ENETDOWN|EHOSTDOWN|ETIMEDOUT)$/;
const outcomeUnknown = (e: AnyVolumeError): boolean =>
  e.cause !== undefined && !NOT_SENT.test(String((e.details as { found?: string }).found ?? ''));
