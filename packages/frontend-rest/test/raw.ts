import http from 'node:http';
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
  readonly body: any;
}
export interface RawAsk {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One request as another program would send it: nothing of our client is in between. A text is sent as it stands. */
export function raw(socketPath: string, path: string, o: RawAsk = {}): Promise<RawAnswer> {
  const body = o.body === undefined || typeof o.body === 'string' ? o.body : JSON.stringify(o.body);
  return new Promise((resolve, reject) => {
    const q = http.request({
      socketPath,
      path,
      method: o.method ?? (body === undefined ? 'GET' : 'POST'),
      agent: false,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...o.headers },
      ...(o.signal !== undefined && { signal: o.signal }),
    });
    q.on('error', reject);
    q.on('response', (r) => {
      let text = '';
      r.setEncoding('utf8');
      r.on('data', (c: string) => {
        text += c;
      });
      r.on('error', reject);
      r.on('end', () => resolve({ status: r.statusCode ?? 0, headers: r.headers, text, body: parsed(text) }));
    });
    q.end(body);
  });
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Bytes as they stand, and all that comes back until the server ends the connection. */
export function bytesOf(socketPath: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const s = connect({ path: socketPath });
    let got = '';
    s.setEncoding('utf8');
    s.on('data', (c: string) => {
      got += c;
    });
    s.on('error', reject);
    s.on('close', () => resolve(got));
    s.write(text);
  });
}

/** Waits until something holds, at most 5 s. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 5000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`did not happen within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
