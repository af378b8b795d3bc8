import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { silentLogger } from '@rexray/core';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { exportSpans } from '../src/otlp.ts';
import { OWN_PATHS, V1_ROUTES } from '../src/v1/routes.ts';
import { Cleanup, serve, unique } from './embedded.ts';
import { raw, until } from './raw.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

describe('/metrics', () => {
  it('counts operations by verb, service and code, driver calls and tries, mounts, holders, waits', async () => {
    const on = await serve(cleanup);
    const name = unique();
    await on.remote.create(name);
    await on.remote.mount(name, { holder: 'cli' });
    await on.remote.mount(name, { holder: 'cli' });
    await on.remote.get('absent').catch(() => undefined);
    const r = await raw(on.socket, '/metrics');
    expect(r.headers['content-type']).toMatch(/^text\/plain/);
    const value = (series: string): number => {
      const line = r.text.split('\n').find((l) => l.startsWith(`${series} `));
      expect(line, `${series} in\n${r.text.slice(0, 3000)}`).toBeDefined();
      return Number(line?.split(' ')[1]);
    };
    expect(value('rexray_operations_total{verb="create",service="memory",code="ok"}')).toBe(1);
    expect(value('rexray_operations_total{verb="mount",service="memory",code="ok"}')).toBe(2);
    expect(value('rexray_operations_total{verb="get",service="memory",code="not_found"}')).toBeGreaterThan(0);
    expect(value('rexray_operation_duration_seconds_count{verb="create",service="memory"}')).toBe(1);
    expect(value('rexray_driver_calls_total{verb="attach",service="memory",code="ok"}')).toBe(1);
    expect(value('rexray_lock_wait_seconds_count{service="memory"}')).toBeGreaterThan(1);
    expect(value('rexray_mounts{service="memory"}')).toBe(1);
    expect(value('rexray_holders{service="memory"}')).toBe(2);
    expect(value('rexray_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThan(0);
    const post = 'method="POST",route="/api/v2/services/:service/volumes",status="201"';
    expect(value(`rexray_http_requests_total{${post}}`)).toBe(1);
    expect(r.text).not.toContain(name);
  });

  it('another try of a driver call is counted as one', async () => {
    const on = await serve(cleanup);
    const at = { service: 'memory', op: 'attach', requestId: 'r', at: new Date().toISOString(), ms: 1 };
    on.events.emit('driver.call', { ...at, attempt: 1, code: 'unavailable' });
    on.events.emit('driver.call', { ...at, attempt: 2 });
    const { text } = await raw(on.socket, '/metrics');
    expect(text).toContain('rexray_driver_retries_total{verb="attach",service="memory"} 1');
    expect(text).toContain('rexray_driver_calls_total{verb="attach",service="memory",code="unavailable"} 1');
  });
});

describe('/healthz and /readyz', () => {
  it('ready names what is wrong, and what to do; alive says only that it lives', async () => {
    const on = await serve(cleanup);
    expect((await raw(on.socket, '/readyz')).body).toEqual({
      ok: true,
      checks: [
        { name: 'listening', ok: true },
        { name: 'audit', ok: true },
        { name: 'service memory', ok: true },
      ],
    });
    const away = await serve(cleanup);
    away.backend.faults.fail('list', 'unavailable');
    const r = await raw(away.socket, '/readyz');
    expect([r.status, r.body.ok]).toEqual([503, false]);
    expect(r.body.checks[2]).toMatchObject({
      name: 'service memory',
      ok: false,
      detail: expect.stringContaining('unavailable'),
    });
    expect((await raw(away.socket, '/healthz')).status).toBe(200);
  });
});

describe('audit', () => {
  it('a line when a change begins and one when it has ended: who, what, before, after; no secrets', async () => {
    const file = join(cleanup.tempDir('rx-audit-'), 'audit.log');
    const on = await serve(cleanup, { config: { audit: file } });
    const name = unique();
    await on.remote.create(name, { requestId: 'req-1', labels: { a: 'b' } });
    await on.remote.create(unique(), { encryptionKey: 'hunter2-hunter2', encrypted: true }).catch(() => undefined);
    await on.remote.mount(name, { holder: 'cli' });
    await on.remote.remove(name).catch(() => undefined);
    await on.remote.get(name);
    const text = await readFile(file, 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines.filter((l) => l.phase === 'ended').map((l) => [l.op, l.outcome])).toEqual([
      ['create', 'ok'],
      ['create', 'unsupported'],
      ['mount', 'ok'],
      ['remove', 'in_use'],
    ]);
    expect(lines[0]).toMatchObject({
      phase: 'begun',
      who: 'local',
      via: 'socket',
      requestId: 'req-1',
      volume: name,
      before: null,
      asked: { labels: { a: 'b' } },
    });
    expect(lines[1]).toMatchObject({ phase: 'ended', before: null, after: { name, state: 'available' } });
    const removal = lines.at(-1);
    expect(removal).toMatchObject({ before: { state: 'mounted', holders: ['cli'] }, after: { state: 'mounted' } });
    expect(text).not.toContain('hunter2');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(on.log.join('\n')).toContain('"audit":{');
  });

  it('what cannot be written down is not done', async () => {
    const on = await serve(cleanup, { config: { audit: '/dev/full' } });
    await expect(on.remote.create('unwritten')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ENOSPC'),
    });
    await expect(on.integration.get('unwritten')).rejects.toMatchObject({ code: 'not_found' });
    expect((await raw(on.socket, '/readyz')).body.checks[1]).toMatchObject({ name: 'audit', ok: false });
    expect(await on.remote.list()).toMatchObject({ items: [] });
  });

  it('a file that cannot be opened keeps the server from starting', async () => {
    await expect(serve(cleanup, { config: { audit: '/nowhere/audit.log' } })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('spans', () => {
  afterEach(() => trace.disable());

  it('from the request of a caller’s trace to the driver calls', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
    const on = await serve(cleanup);
    const name = unique();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await raw(on.socket, '/api/v2/services/memory/volumes', {
      body: { name },
      headers: { traceparent, 'x-request-id': 'req-7' },
    });
    await until(() => exporter.getFinishedSpans().some((s) => s.name.startsWith('POST')), 'the request’s span ends');
    const spans = exporter
      .getFinishedSpans()
      .filter((s) => s.spanContext().traceId === '0af7651916cd43dd8448eb211c80319c');
    const by = new Map(spans.map((s) => [s.name, s]));
    const request = by.get('POST /api/v2/services/:service/volumes');
    const verb = by.get('create');
    const call = by.get('driver create');
    expect(request?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(verb?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(call?.parentSpanContext?.spanId).toBe(verb?.spanContext().spanId);
    expect(request?.attributes).toMatchObject({ 'request.id': 'req-7', 'http.response.status_code': 201 });
    expect(verb?.attributes).toMatchObject({ service: 'memory', volume: name });
  });

  it('go to a collector by OTLP where OpenTelemetry’s variables name one; without them nothing is loaded', async () => {
    const got: string[] = [];
    const collector = createServer((q, r) => {
      let text = '';
      q.on('data', (c) => {
        text += c;
      });
      q.on('end', () => {
        got.push(`${q.url} ${text}`);
        r.end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    const end = await exportSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/` }, silentLogger);
    const on = await serve(cleanup);
    await on.remote.create(unique(), { requestId: 'req-8' });
    await until(async () => (await raw(on.socket, '/healthz')).status === 200, 'a further request');
    await end();
    collector.close();
    const spans = got
      .filter((g) => g.startsWith('/v1/traces '))
      .flatMap((g) => JSON.parse(g.slice(11)).resourceSpans[0].scopeSpans[0].spans);
    expect(spans.map((s: { name: string }) => s.name)).toEqual(
      expect.arrayContaining(['create', 'driver create', 'POST /api/v2/services/:service/volumes']),
    );
    expect(spans[0]).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      startTimeUnixNano: expect.stringMatching(/^\d{19}$/),
    });
    await (await exportSpans({}, silentLogger))();
  });
});

describe('the page', () => {
  it('needs nothing of anybody else, and its policy allows nothing else', async () => {
    const on = await serve(cleanup);
    const r = await raw(on.socket, '/docs');
    expect(r.headers['content-security-policy']).toMatch(
      /^default-src 'none'; connect-src 'self'; script-src 'sha256-/,
    );
    expect(r.text).not.toMatch(/https?:\/\//);
    const script = /<script>([\s\S]*)<\/script>/.exec(r.text)?.[1] ?? '';
    expect(() => new Function(script)).not.toThrow();
  });

  it('names every route of libStorage where they are served, and none where they are not', async () => {
    const rows = (text: string) =>
      [...text.matchAll(/<li><code class="m">(\w+)<\/code><code>([^<]+)</g)].map((m) => m[2]);
    const on = await serve(cleanup);
    const listed = rows((await raw(on.socket, '/docs')).text);
    expect(listed).toHaveLength(OWN_PATHS.length + V1_ROUTES.length);
    expect(listed).toEqual(expect.arrayContaining(['/volumes/{service}/{id}?attach', '/tasks/{id}', '/help/env']));
    const off = await serve(cleanup, { config: { libstorage: { enabled: false } } });
    expect(rows((await raw(off.socket, '/docs')).text)).toEqual([]);
  });
});
