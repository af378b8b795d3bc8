/** Callers that cost: slow ones, half-open ones, large ones, and many that only listen. */
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { suite } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup, type Served, serve } from './embedded.ts';
import { raw, until } from './raw.ts';
import { secure } from './secure.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const rssMiB = (): number => process.memoryUsage.rss() / 2 ** 20;
const volumes = '/api/v2/services/memory/volumes';

describe('a caller that costs', () => {
  let on: Served;
  beforeAll(async () => {
    on = await serve(cleanup);
  });

  it('a body of 1 GB is refused before it is read, and its connection ends', async () => {
    const before = rssMiB();
    const s = connect({ path: on.socket });
    let got = '';
    let sent = 0;
    const ended = new Promise<void>((resolve) => s.on('close', () => resolve()));
    s.on('error', () => undefined);
    s.on('data', (c) => {
      got += String(c);
    });
    s.write(
      `POST ${volumes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${2 ** 30}\r\n\r\n`,
    );
    const chunk = Buffer.alloc(2 ** 20, 32);
    while (!s.destroyed && sent < 2 ** 30) {
      const room = s.write(chunk);
      sent += chunk.length;
      if (!room) await Promise.race([ended, new Promise((resolve) => s.once('drain', resolve))]);
    }
    await ended;
    expect(got).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":"invalid"/);
    expect(sent).toBeLessThan(64 * 2 ** 20);
    expect(rssMiB() - before).toBeLessThan(100);
  });

  it('the same without saying how long it is', async () => {
    const q = http.request({
      socketPath: on.socket,
      path: volumes,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    });
    const answer = new Promise<number>((resolve, reject) => {
      q.on('response', (r) => {
        r.resume();
        resolve(r.statusCode ?? 0);
      });
      // The answer may be overtaken by the end of the connection, which we go on writing to.
      q.on('error', (e: NodeJS.ErrnoException) => (/EPIPE|ECONNRESET/.test(e.code ?? '') ? resolve(413) : reject(e)));
    });
    const chunk = Buffer.alloc(2 ** 16, 32);
    const timer = setInterval(() => q.write(chunk), 1);
    expect(await answer.finally(() => clearInterval(timer))).toBe(413);
    q.destroy();
  });

  it('heads that come by the byte, and connections that say nothing, hold up nobody', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 200; i++) {
      const s = connect({ path: on.socket });
      s.on('error', () => undefined);
      if (i % 2 === 0) s.write('GET /api/v2/health HT');
      sockets.push(s);
    }
    const start = performance.now();
    for (let i = 0; i < 20; i++) expect((await raw(on.socket, '/api/v2/health')).status).toBe(200);
    expect(performance.now() - start).toBeLessThan(5_000);
    for (const s of sockets) s.destroy();
  });

  it('a listener that does not read is cut off, and the others go on', async () => {
    const deaf = connect({ path: on.socket });
    deaf.on('error', () => undefined);
    let closed = false;
    deaf.on('close', () => {
      closed = true;
    });
    deaf.write('GET /api/v2/events HTTP/1.1\r\nHost: x\r\n\r\n');
    deaf.pause();
    await until(async () => on.log.length >= 0 && (await raw(on.socket, '/healthz')).status === 200, 'it listens');
    const event = { service: 'memory', volume: 'x'.repeat(10_000), requestId: 'r', at: new Date().toISOString() };
    for (let i = 0; i < 600; i++) on.events.emit('volume.created', event);
    deaf.resume();
    await until(() => closed, 'it is cut off');
    expect((await raw(on.socket, '/api/v2/health')).status).toBe(200);
  });

  it('2,000 idle listeners: each hears, the server answers others, and they cost little', async () => {
    const before = rssMiB();
    const heard = new Set<number>();
    const streams: http.IncomingMessage[] = [];
    const agent = new http.Agent({ maxSockets: Number.POSITIVE_INFINITY });
    const open = (i: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const q = http.get({ socketPath: on.socket, path: '/api/v2/events', agent });
        q.on('error', reject);
        q.on('response', (r) => {
          r.on('error', () => undefined);
          r.on('data', (c) => String(c).includes('of-all') && heard.add(i));
          streams.push(r);
          resolve();
        });
      });
    for (let i = 0; i < 2000; i += 100) await Promise.all(Array.from({ length: 100 }, (_, k) => open(i + k)));
    expect(streams.length).toBe(2000);
    const start = performance.now();
    for (let i = 0; i < 50; i++) expect((await raw(on.socket, `${volumes}?limit=1`)).status).toBe(200);
    const eachMs = (performance.now() - start) / 50;
    on.events.emit('volume.created', {
      service: 'memory',
      volume: 'of-all',
      requestId: 'r',
      at: new Date().toISOString(),
    });
    const end = performance.now() + 30_000;
    while (heard.size < 2000 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard.size).toBe(2000);
    // Both ends are in this process.
    const perListenerKiB = ((rssMiB() - before) * 1024) / 2000;
    console.log(
      JSON.stringify({
        listeners: 2000,
        requestMs: Math.round(eachMs * 10) / 10,
        bothEndsKiB: Math.round(perListenerKiB),
      }),
    );
    expect(perListenerKiB).toBeLessThan(150);
    for (const s of streams) s.destroy();
    agent.destroy();
    await until(async () => (await raw(on.socket, '/healthz')).status === 200, 'all is well');
  }, 120_000);
});

suite('over TLS', { programs: { openssl: 'openssl' } }, () => {
  it('handshakes that stop half-way hold up nobody, and end with the server', async () => {
    const on = await secure(cleanup);
    const { hostname: host, port } = new URL(on.url);
    const sockets = Array.from({ length: 100 }, () =>
      connect({ host, port: Number(port) }).on('error', () => undefined),
    );
    await Promise.all(sockets.map((s) => new Promise((resolve) => s.once('connect', resolve))));
    for (const s of sockets) s.write(Buffer.from([0x16, 0x03, 0x01]));
    expect((await (await on.as('ann')).services()).length).toBe(1);
    const start = performance.now();
    await on.server.close();
    expect(performance.now() - start).toBeLessThan(5_000);
    for (const s of sockets) s.destroy();
  });

  it('old protocols are not spoken', async () => {
    const on = await secure(cleanup);
    const { hostname: host, port } = new URL(on.url);
    const old = new Promise<string>((resolve) => {
      const s = tls.connect({
        host,
        port: Number(port),
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        rejectUnauthorized: false,
      });
      s.on('error', (e) => resolve(String(e)));
      s.on('secureConnect', () => resolve('connected'));
    });
    expect(await old).not.toBe('connected');
  });

  it('one body of 1 GB without a token is not even looked at', async () => {
    const on = await secure(cleanup);
    const { hostname: host, port } = new URL(on.url);
    const s = tls.connect({ host, port: Number(port), ca: on.ca });
    let got = '';
    s.on('error', () => undefined);
    s.on('data', (c) => {
      got += String(c);
    });
    s.write(
      `POST ${volumes} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${2 ** 30}\r\n\r\n`,
    );
    await until(() => got.includes('401'), 'it is refused');
    s.destroy();
  });
});
