import http from 'node:http';
import https from 'node:https';
import { isVolumeError, VolumeError } from '@rexray/core';
import { broken, SILENCE_MS, silence } from './faults.ts';
import { type ClientTls, tlsFault, verifiedAgent } from './tls.ts';

export interface Address {
  /** Path of a unix socket. */
  readonly socketPath?: string;
  /** `http://host:port`, `https://host:port`, or `tcp://host:port`, which is https where `tls` is given. */
  readonly url?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: ClientTls | undefined;
  /** Bearer token that says who asks. Over plain TCP it is refused, unless to this machine itself or with `allowPlaintext`. */
  readonly token?: string | undefined;
  /** Whoever listens on the network may read and change what is said, and keep the token. */
  readonly allowPlaintext?: boolean | undefined;
  /** How long a server may send nothing at all before it counts as gone, in ms; default 30,000. A working one sends signs of life every 10 s. */
  readonly silenceMs?: number;
  /** How long a connection may take to be made, in ms; default 10,000. */
  readonly connectMs?: number;
  /** Calls at once; further ones wait. Default 256. Cancellations and streams of events do not count. */
  readonly connections?: number;
}

export interface Send {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** On a connection of its own: it must not wait for calls that hang. */
  readonly apart?: boolean;
}

/** Connections to one server, kept alive. */
export class Transport {
  readonly name: string;
  readonly silenceMs: number;
  readonly connectMs: number;
  readonly #agent: http.Agent;
  readonly #apart: http.Agent;
  readonly #request: typeof http.request;
  readonly #o: http.RequestOptions;

  constructor(a: Address) {
    if ((a.socketPath === undefined) === (a.url === undefined))
      throw new VolumeError('invalid', 'A client needs either a socket path or a URL.', {
        details: { path: 'socketPath', expected: 'one of socketPath and url' },
      });
    const url = a.url === undefined ? undefined : parsed(a.url, a.tls !== undefined);
    this.name = url === undefined ? `unix://${a.socketPath}` : `${url.protocol}//${url.host}`;
    this.silenceMs = a.silenceMs ?? SILENCE_MS;
    this.connectMs = a.connectMs ?? 10_000;
    const secure = url?.protocol === 'https:';
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
    assertTokenSafe(a, url, host);
    const agent = (pool: http.AgentOptions): http.Agent =>
      secure ? verifiedAgent(pool, a.tls ?? {}, host) : new http.Agent(pool);
    this.#agent = agent({ keepAlive: true, maxSockets: a.connections ?? 256, maxFreeSockets: 16 });
    this.#apart = agent({ keepAlive: false });
    this.#request = secure ? https.request : http.request;
    this.#o = {
      headers: { ...a.headers, ...(a.token !== undefined && { authorization: `Bearer ${a.token}` }) },
      ...(url === undefined
        ? { socketPath: a.socketPath }
        : { host, port: url.port === '' ? (secure ? 443 : 80) : url.port }),
    };
  }

  /**
   * Sends, and answers once the head of the response is there.
   * @param signal ends the connection, not the work of the server
   * @throws VolumeError `unavailable` (nobody answers, or the connection broke), `denied` (the socket is another user's)
   */
  send(r: Send, signal?: AbortSignal): Promise<http.IncomingMessage> {
    const { body } = r;
    return new Promise((resolve, reject) => {
      const request = this.#request({
        ...this.#o,
        agent: r.apart === true ? this.#apart : this.#agent,
        method: r.method,
        path: r.target,
        headers: {
          ...(this.#o.headers as object),
          ...r.headers,
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body)),
          }),
        },
      });
      request.setTimeout(this.silenceMs, () => request.destroy(new Silent()));
      const late = setTimeout(() => request.destroy(new Unreached()), this.connectMs);
      request.on('socket', (socket) => {
        if (socket.connecting) socket.once('connect', () => clearTimeout(late));
        else clearTimeout(late);
      });
      const hangUp = (): void =>
        void request.destroy(signal?.reason instanceof Error ? signal.reason : new Error('hung up'));
      if (signal?.aborted) hangUp();
      signal?.addEventListener('abort', hangUp, { once: true });
      request.on('close', () => {
        clearTimeout(late);
        signal?.removeEventListener('abort', hangUp);
      });
      request.on('error', (e) => reject(this.fault(e, r)));
      request.on('response', (response) => {
        // Whoever reads it hears of its faults; where nobody reads, there is nobody to tell.
        response.on('error', () => undefined);
        resolve(response);
      });
      request.end(body);
    });
  }

  /** What a fault of the connection means to a caller. */
  fault(e: unknown, r: Pick<Send, 'method' | 'target'>): VolumeError {
    if (isVolumeError(e)) return e;
    const code = (e as NodeJS.ErrnoException).code;
    const place = `${this.name}`;
    if (UNREACHED.includes(code ?? '') || e instanceof Unreached)
      return new VolumeError(
        'unavailable',
        `${place} cannot be reached (${code ?? `no connection within ${this.connectMs} ms`}).`,
        {
          details: { expected: place, found: code ?? 'ETIMEDOUT' },
          cause: e,
          hint: 'Is its machine up, and the network between? Nothing was sent.',
        },
      );
    if (code === 'ENOENT' || code === 'ECONNREFUSED')
      return new VolumeError('unavailable', `No server answers on ${place} (${code}).`, {
        details: { expected: place, found: code },
        cause: e,
        hint: 'Start it with "rexray start", or name its address.',
      });
    if (code === 'EACCES' || code === 'EPERM')
      return new VolumeError('denied', `This user may not use ${place} (${code}).`, {
        details: { rule: 'permissions of the socket', found: code, where: place },
        cause: e,
        hint: 'Run it as the user that owns the socket; mostly that is root.',
      });
    const refused = tlsFault(code, place, e);
    if (refused !== undefined) return refused;
    if (e instanceof Silent) return broken(place, silence(this.silenceMs), r, e);
    return broken(place, `broke the connection (${code ?? String((e as Error)?.message ?? e)})`, r, e);
  }

  close(): void {
    this.#agent.destroy();
    this.#apart.destroy();
  }
}

class Silent extends Error {}
/** Nobody took the connection in time. */
class Unreached extends Error {}
/** The network, or the name of the host, leads nowhere. */
const UNREACHED = ['ENETUNREACH', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ENETDOWN', 'EHOSTDOWN'];

function parsed(url: string, tls: boolean): URL {
  const fail = (why: string): never => {
    throw new VolumeError('invalid', `"${url}" is not the address of a server: ${why}.`, {
      details: { path: 'url', value: url, expected: 'tcp://host:port, http://host:port or https://host:port' },
    });
  };
  let u: URL;
  try {
    u = new URL(url.replace(/^tcp:\/\//i, tls ? 'https://' : 'http://'));
  } catch {
    return fail('it is not a URL');
  }
  if (u.protocol !== 'http:' && u.protocol !== 'https:') fail(`its scheme is ${u.protocol}`);
  if (u.protocol === 'http:' && tls) fail('it is without TLS, and TLS was asked for');
  if (u.username !== '' || u.password !== '') fail('it has a user or a password');
  if (u.pathname !== '/' || u.search !== '') fail('it has a path');
  return u;
}

/** @throws VolumeError `denied` where a token would be sent over a network that anybody can read */
function assertTokenSafe(a: Address, url: URL | undefined, host: string): void {
  if (a.token !== undefined && !/^[\x21-\x7e]+$/.test(a.token))
    throw new VolumeError('invalid', 'The token is not one: it has spaces or characters that are not ASCII.', {
      details: { path: 'token', expected: 'a JSON Web Token' },
      hint: 'Make one with "rexray token new".',
    });
  if (a.token === undefined || url?.protocol !== 'http:' || a.allowPlaintext === true) return;
  if (/^(127(\.\d+){3}|::1|localhost)$/.test(host)) return;
  throw new VolumeError('denied', `The token is not sent to ${url.origin}: anybody on the way could keep it.`, {
    details: { rule: 'tokens travel encrypted', found: 'an address without TLS', where: url.origin },
    hint: 'Use TLS: an address that begins with https://, or libstorage.client.tls.',
  });
}
