/**
 * Just enough HTTP/1.1 for a plugin's socket. `node:http` would cost more than everything else that this program does
 * together.
 */
import { VolumeError } from '@rexray/core';
import type { BareAnswer } from '@rexray/rest-client/bare';
import { type Call, remaining } from '../volumes.ts';
import { Broken, Connection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { open } from './socket.ts';

export interface Post {
  /** `VolumeDriver.Mount` */
  readonly method: string;
  readonly body: object | undefined;
  /** It changes something. How long its answer is still waited for once the caller has given up, in ms. */
  readonly lingerMs?: number;
}

/** For how long a connection without work stays open, in ms: a plugin may serve one at a time. */
const IDLE_MS = 200;

/** The way to a plugin. Requests go one after the other; questions share a connection where the plugin keeps it. */
export class Line {
  readonly #to: Endpoint;
  #kept: { readonly connection: Connection; readonly idle: ReturnType<typeof setTimeout> } | undefined;

  constructor(to: Endpoint) {
    this.#to = to;
  }

  /**
   * @throws VolumeError `unavailable` (nobody there: `details.found` is the system's code), `timeout`, `canceled`. After the
   * last two the outcome is unknown; a plugin of ours rolls back when its client goes away.
   */
  async post(p: Post, call: Call): Promise<BareAnswer> {
    if (call.stop.asked && p.lingerMs === undefined) throw givenUp(p.method, this.#to);
    const kept = this.#take();
    // A change goes over one that was kept only where the plugin promised to keep it: else an end could mean that the request
    // was never read, and nobody could say whether to ask again.
    if (p.lingerMs !== undefined && kept?.promised !== true) kept?.close();
    else if (kept !== undefined) {
      try {
        return await this.#exchange(kept, p, call);
      } catch (e) {
        // The other side had closed it, or did just now. A question may be asked again.
        if (!(e instanceof Broken) || !e.unanswered || p.lingerMs !== undefined) throw this.#fault(p, e);
      }
    }
    try {
      return await this.#exchange(new Connection(await open(this.#to)), p, call);
    } catch (e) {
      throw this.#fault(p, e);
    }
  }

  /** Closes what is open, once this turn of the program is over: where it ends with it, that is for nothing. */
  close(): void {
    setImmediate(() => this.#take()?.close());
  }

  #take(): Connection | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept === undefined) return undefined;
    clearTimeout(kept.idle);
    if (kept.connection.usable) return kept.connection;
    kept.connection.close();
    return undefined;
  }

  #keep(connection: Connection): void {
    const idle = setTimeout(() => this.#take()?.close(), IDLE_MS);
    idle.unref();
    this.#kept = { connection, idle };
  }

  #fault = (p: Post, e: unknown): unknown => (e instanceof Broken ? fault(p.method, this.#to, e) : e);

  async #exchange(connection: Connection, p: Post, call: Call): Promise<BareAnswer> {
    let outcome: VolumeError | undefined;
    let linger: ReturnType<typeof setTimeout> | undefined;
    const ms = remaining(call);
    const stop = (why: VolumeError): void => {
      outcome = why;
      connection.close();
    };
    const late = setTimeout(() => stop(tooLate(p.method, this.#to, ms)), ms);
    const forget = call.stop.whenAsked(() => {
      linger = setTimeout(() => stop(givenUp(p.method, this.#to)), p.lingerMs ?? 0);
    });
    try {
      const answer = await connection.ask(request(this.#to, p));
      this.#keep(connection);
      return answer;
    } catch (e) {
      connection.close();
      throw outcome ?? e;
    } finally {
      clearTimeout(late);
      clearTimeout(linger);
      forget();
    }
  }
}

function request(to: Endpoint, { method, body }: Post): string {
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  // Like Docker: no Content-Type. A host that is a path would be none.
  return [
    `POST /${method} HTTP/1.1`,
    `Host: ${to.kind === 'unix' ? 'plugin' : `${to.host}:${to.port}`}`,
    'User-Agent: dvdcli',
    'Accept: application/vnd.docker.plugins.v1.2+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    '',
    text,
  ].join('\r\n');
}

const UNKNOWN = 'Whether it was done is unknown: look at the volume before you try again.';

const tooLate = (method: string, to: Endpoint, ms: number): VolumeError =>
  new VolumeError('timeout', `The plugin ${to.name} did not answer ${method} within ${ms} ms.`, {
    details: { afterMs: ms, step: method },
    hint: UNKNOWN,
  });
const givenUp = (method: string, to: Endpoint): VolumeError =>
  new VolumeError('canceled', `${method} of the plugin ${to.name} was given up.`, {
    details: { step: method },
    hint: UNKNOWN,
  });
const broken = (method: string, to: Endpoint, why: string): VolumeError =>
  new VolumeError('unavailable', `The plugin ${to.name} broke off ${method}: ${why}.`, {
    details: { found: why },
    hint: UNKNOWN,
  });

function fault(method: string, to: Endpoint, e: Broken): VolumeError {
  const code = e.code ?? e.message;
  if (code === 'EACCES' || code === 'EPERM')
    return new VolumeError('denied', `This user may not use the plugin ${to.name} (${code}).`, {
      details: { rule: 'permissions of the socket', found: code, where: to.name },
      cause: e,
      hint: 'Run it as root.',
    });
  // Nothing was sent: nobody listens.
  if (['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTSOCK'].includes(code))
    return new VolumeError('unavailable', `Nobody answers at the plugin ${to.name} (${code}).`, {
      details: { expected: to.name, found: code },
      cause: e,
      hint: 'Is the plugin running? --wait=30s waits for it.',
    });
  return broken(method, to, code);
}

/** Whether nobody was there, so that nothing can have happened. */
export const nobodyThere = (e: unknown): boolean => {
  const found = (e as { code?: string; details?: { expected?: string; found?: string } }) ?? {};
  return found.code === 'unavailable' && found.details?.expected !== undefined;
};
