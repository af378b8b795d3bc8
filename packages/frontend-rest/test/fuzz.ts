/** Sends generated requests and looks at what comes back. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { CODES, isCode } from '@rexray/core';
import { type Ask, ask, Dice, MARK, operations } from './fuzz-requests.ts';
import { type Secure, tokenOf } from './secure.ts';

export interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Sends as one of the callers, over the socket or over TLS. */
export class Callers {
  readonly #on: Secure;
  readonly #unix = new http.Agent({ keepAlive: true, maxSockets: 32 });
  readonly #tls: https.Agent;
  readonly #tokens: Readonly<Record<string, string>>;

  private constructor(on: Secure, tokens: Readonly<Record<string, string>>) {
    this.#on = on;
    this.#tokens = tokens;
    this.#tls = new https.Agent({ keepAlive: true, maxSockets: 32, ca: on.ca });
  }

  static async open(on: Secure): Promise<Callers> {
    const forged = await tokenOf('ann', { key: 'a key that is not the server’s own' });
    return new Callers(on, { ann: await tokenOf('ann'), bob: await tokenOf('bob'), forged });
  }

  send(a: Ask): Promise<Answered> {
    const token = this.#tokens[a.who];
    const headers = {
      ...a.headers,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(a.body !== undefined && { 'content-length': String(Buffer.byteLength(a.body)) }),
    };
    return new Promise((resolve, reject) => {
      const { method } = a;
      const url = new URL(this.#on.url);
      const q =
        a.who === 'socket'
          ? http.request({ socketPath: this.#on.socket, agent: this.#unix, path: a.target, method, headers })
          : https.request({ host: url.hostname, port: url.port, agent: this.#tls, path: a.target, method, headers });
      q.setTimeout(60_000, () => q.destroy(new Error('no answer within 60 s')));
      q.on('error', reject);
      q.on('response', (r) => {
        const chunks: Buffer[] = [];
        r.on('data', (c: Buffer) => chunks.push(c));
        r.on('error', reject);
        r.on('end', () =>
          resolve({ status: r.statusCode ?? 0, headers: r.headers, text: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      q.end(a.body);
    });
  }

  close(): void {
    this.#unix.destroy();
    this.#tls.destroy();
  }
}

/** Statuses that any route may answer for what HTTP itself makes of a request. */
const ALWAYS = new Set([400, 404, 405, 408, 413, 414, 415, 429, 431]);

/** What is wrong with an answer; undefined: nothing. */
export function fault(a: Ask, r: Answered): string | undefined {
  const body = parsed(r.text) as { code?: unknown; status?: unknown; error?: { code?: unknown } } | undefined;
  if (a.who === 'nobody' || a.who === 'forged')
    return r.status === 401 || r.status === 429 ? undefined : `status ${r.status} for nobody`;
  if (a.who === 'bob' && r.text.includes(MARK) && !JSON.stringify([decode(a.target), a.body, a.headers]).includes(MARK))
    return 'it shows what bob may not see';
  if (r.status < 400) return undefined;
  const code = a.op.v1 || body?.error !== undefined ? body?.error?.code : body?.code;
  if (a.method === 'HEAD') return undefined;
  if (!isCode(code)) return `status ${r.status} without a code`;
  if (code === 'internal') return 'a bug';
  if (CODES[code].http !== r.status && code !== 'invalid') return `status ${r.status} for ${code}`;
  if (!a.op.v1 && a.method === a.op.method && !a.op.statuses.has(r.status) && !ALWAYS.has(r.status))
    return `status ${r.status} is not documented for ${a.op.id}`;
  return undefined;
}

const decode = (t: string): string => {
  try {
    return decodeURIComponent(t);
  } catch {
    return t;
  }
};

function parsed(t: string): unknown {
  try {
    return JSON.parse(t);
  } catch {
    return undefined;
  }
}

export interface Report {
  readonly requests: number;
  readonly digest: string;
  readonly statuses: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly faults: readonly string[];
}

/** @param at once so many; `tick` is called after each hundred */
export async function fuzz(
  on: Secure,
  o: { readonly seed: number; readonly requests: number; readonly at: number; readonly tick?: (n: number) => void },
): Promise<Report> {
  const dice = new Dice(o.seed);
  const all = operations();
  const callers = await Callers.open(on);
  const statuses: Record<string, number> = {};
  const faults: string[] = [];
  const asked = new Set<string>();
  const hash = createHash('sha256');
  let n = 0;
  const worker = async (): Promise<void> => {
    while (n < o.requests && faults.length < 20) {
      const a = ask(dice, n++, all);
      hash.update(`${a.method} ${a.target}`);
      asked.add(a.op.id);
      try {
        const r = await callers.send(a);
        statuses[r.status] = (statuses[r.status] ?? 0) + 1;
        const why = fault(a, r);
        if (why !== undefined)
          faults.push(
            `#${a.n} ${a.who} ${a.method} ${a.target.slice(0, 300)} ${a.body?.slice(0, 300) ?? ''} → ${why}: ${r.text.slice(0, 400)}`,
          );
      } catch (e) {
        faults.push(
          `#${a.n} ${a.who} ${a.method} ${a.target.slice(0, 300)} ${a.body?.slice(0, 200) ?? ''} → ${String(e)}`,
        );
      }
      if (n % 100 === 0) o.tick?.(n);
    }
  };
  await Promise.all(Array.from({ length: o.at }, worker));
  callers.close();
  return { requests: n, digest: hash.digest('hex').slice(0, 12), statuses, operations: asked.size, faults };
}
