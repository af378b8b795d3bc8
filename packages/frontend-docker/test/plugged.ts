import http from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { FrontendContext, Integration, Logger, RunningFrontend } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { type TestOptions, type TestRexray, testRexray } from '@rexray/runtime/testing';
import { createDockerPlugin, type DockerConfig } from '../src/index.ts';

/** A plugin on a socket over storage in memory and a simulated machine. */
export interface Plugged {
  readonly socket: string;
  readonly rex: TestRexray;
  readonly plugin: RunningFrontend;
  readonly log: string[];
  readonly stop: AbortController;
  /** As Docker sends it. */
  ask(call: string, body?: unknown): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
  readonly body: any;
  readonly headers: http.IncomingHttpHeaders;
}

export async function plug(
  cleanup: Cleanup,
  o: TestOptions & { config?: Partial<DockerConfig>; wrap?: (i: Integration) => Integration } = {},
): Promise<Plugged> {
  const { config, wrap = (i) => i, ...rest } = o;
  const rex = await testRexray(rest);
  cleanup.add(() => rex.close());
  const socket = join(cleanup.tempDir('rxd-'), 'plugins', 'rexray.sock');
  const log: string[] = [];
  const stop = new AbortController();
  const context: FrontendContext = {
    services: { memory: wrap(rex.integration) },
    defaultService: 'memory',
    events: rex.events,
    logger: logInto(log),
    signal: stop.signal,
  };
  const plugin = await createDockerPlugin(context, { host: `unix://${socket}`, ...config });
  cleanup.add(() => plugin.close());
  return { socket, rex, plugin, log, stop, ask: (call, body) => ask(socket, call, body) };
}

export function logInto(log: string[]): Logger {
  const line =
    (level: string) =>
    (fields: object, message: string): void =>
      void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: http.Agent | false;
  readonly signal?: AbortSignal;
}

/** One request, with Docker's own headers: an empty Host, no Content-Type. A text is sent as it stands. */
export function ask(socketPath: string, call: string, body?: unknown, o: Sent = {}): Promise<Answer> {
  const text = body === undefined ? '' : typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  return new Promise((resolve, reject) => {
    const q = http.request({
      socketPath,
      path: call.startsWith('/') ? call : `/VolumeDriver.${call}`,
      method: o.method ?? 'POST',
      agent: o.agent ?? false,
      headers: {
        Host: '',
        'User-Agent': 'Go-http-client/1.1',
        Accept: 'application/vnd.docker.plugins.v1.2+json',
        'Content-Length': String(Buffer.byteLength(text)),
        ...o.headers,
      },
      ...(o.signal !== undefined && { signal: o.signal }),
    });
    q.on('error', reject);
    q.on('response', (r) => {
      let got = '';
      r.setEncoding('utf8');
      r.on('data', (c: string) => {
        got += c;
      });
      r.on('error', reject);
      r.on('end', () => resolve({ status: r.statusCode ?? 0, body: parsed(got), headers: r.headers }));
    });
    q.end(text);
  });
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** Bytes as they stand, and all that comes back until the connection ends; `hangUp` ends it after so many ms. */
export function bytesOf(socketPath: string, bytes: string | Uint8Array, hangUp?: number): Promise<string> {
  return new Promise((resolve) => {
    const s = connect({ path: socketPath });
    let got = '';
    s.on('data', (d: Buffer) => {
      got += d.toString('latin1');
    });
    s.on('error', () => undefined);
    s.on('close', () => resolve(got));
    s.write(bytes);
    if (hangUp !== undefined) setTimeout(() => s.destroy(), hangUp);
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
export { Cleanup };
