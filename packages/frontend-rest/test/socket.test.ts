import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { EventBus, type FrontendContext, type RunningFrontend, silentLogger } from '@rexray/core';
import { connect } from '@rexray/rest-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import plugin, { createRestServer } from '../src/index.ts';
import { Cleanup, serve, unique } from './embedded.ts';
import { raw, until } from './raw.ts';

let cleanup: Cleanup;
let dir: string;
beforeEach(() => {
  cleanup = new Cleanup();
  dir = cleanup.tempDir('rx-');
});
afterEach(() => cleanup.run());

const context = (signal = new AbortController().signal): FrontendContext => ({
  services: {},
  defaultService: undefined,
  events: new EventBus(),
  logger: silentLogger,
  signal,
});
async function start(socket: string): Promise<RunningFrontend> {
  const s = await createRestServer(context(), { socket });
  cleanup.add(() => s.close());
  return s;
}

/** A socket file that nobody answers on: what a killed server leaves. */
async function stale(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.was`, resolve));
  renameSync(`${path}.was`, path);
  await new Promise((resolve) => server.close(resolve));
  expect(lstatSync(path).isSocket()).toBe(true);
}

describe('socket', () => {
  it('mode 0600 in a directory made 0755, and nothing beside it; gone after close', async () => {
    const socket = join(dir, 'a', 'b', 'rexray.sock');
    const s = await start(socket);
    expect(lstatSync(socket).mode & 0o777).toBe(0o600);
    expect(lstatSync(dirname(socket)).mode & 0o777).toBe(0o755);
    expect(readdirSync(dirname(socket))).toEqual(['rexray.sock']);
    expect(s.addresses).toEqual([`unix://${socket}`]);
    expect(await s.health()).toEqual({ ok: true });
    await s.close();
    await s.close();
    expect(readdirSync(dirname(socket))).toEqual([]);
  });

  it('a stale socket is replaced; one that answers is not', async () => {
    const socket = join(dir, 'rexray.sock');
    await stale(socket);
    await start(socket);
    expect((await raw(socket, '/api/v2/health')).status).toBe(200);
    await expect(createRestServer(context(), { socket })).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(socket),
    });
    expect((await raw(socket, '/api/v2/health')).status).toBe(200);
    expect(readdirSync(dir)).toEqual(['rexray.sock']);
  });

  it('two that start at once: one serves, the other says so', async () => {
    for (let i = 0; i < 10; i++) {
      const socket = join(dir, `race-${i}.sock`);
      if (i % 2 === 1) await stale(socket);
      const all = await Promise.allSettled(Array.from({ length: 4 }, () => createRestServer(context(), { socket })));
      const up = all.filter((r) => r.status === 'fulfilled').map((r) => r.value);
      expect(up).toHaveLength(1);
      for (const r of all) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'in_use' });
      expect((await raw(socket, '/api/v2/health')).status).toBe(200);
      await up[0]?.close();
    }
    expect(readdirSync(dir)).toEqual([]);
  });

  it('what is not a socket is left alone; a path that cannot be one is refused', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, 'precious');
    await expect(createRestServer(context(), { socket: file })).rejects.toMatchObject({ code: 'denied' });
    expect(lstatSync(file).size).toBe(8);
    for (const socket of ['relative.sock', join(dir, 'x'.repeat(120)), ''])
      await expect(createRestServer(context(), { socket })).rejects.toMatchObject({ code: 'invalid' });
    await expect(createRestServer(context(), { socket: join(file, 'x.sock') })).rejects.toMatchObject({
      message: expect.stringContaining('x.sock'),
    });
    expect(readdirSync(dir)).toEqual(['file']);
    await expect(createRestServer(context(), { sokcet: 'x' } as object)).rejects.toMatchObject({ code: 'invalid' });
  });

  it('a socket that was replaced is not ours: health says so, close leaves it', async () => {
    const socket = join(dir, 'rexray.sock');
    const s = await start(socket);
    rmSync(socket);
    expect(await s.health()).toMatchObject({ ok: false });
    const other = await start(socket);
    await s.close();
    expect(existsSync(socket)).toBe(true);
    expect(await other.health()).toEqual({ ok: true });
  });

  it('the client says what is wrong: nobody answers, not allowed, not a URL', async () => {
    const none = connect({ socketPath: join(dir, 'none.sock') });
    await expect(none.health()).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('rexray start'),
    });
    const left = join(dir, 'left.sock');
    await stale(left);
    await expect(connect({ socketPath: left }).health()).rejects.toMatchObject({ code: 'unavailable' });
    expect(() => connect({ url: 'ftp://x' })).toThrow(/scheme/);
    expect(() => connect({})).toThrow(/either/);
    if (process.getuid?.() !== 0) {
      const closed = join(dir, 'closed');
      mkdirSync(closed);
      await start(join(closed, 'x.sock'));
      chmodSync(closed, 0);
      await expect(connect({ socketPath: join(closed, 'x.sock') }).health()).rejects.toMatchObject({ code: 'denied' });
      chmodSync(closed, 0o755);
    }
  });

  it('a server that is there and silent counts as gone after a while', async () => {
    const path = join(dir, 'silent.sock');
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    cleanup.add(() => silent.close());
    const c = connect({ socketPath: path, silenceMs: 100 });
    cleanup.add(() => c.close());
    await expect(c.health()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('sent nothing'),
    });
  });

  it('is a plugin of kind frontend, named rest', async () => {
    const { kind, name, config } = plugin.plugin;
    expect([kind, name, config['~standard'].validate({})]).toMatchObject([
      'frontend',
      'rest',
      { value: { socket: '/run/rexray/rexray.sock' } },
    ]);
    const made = new plugin.plugin.create({
      ...(config['~standard'].validate({}) as { value: object }).value,
      socket: join(dir, 'p.sock'),
    });
    const running = await (made as { start(c: FrontendContext): Promise<RunningFrontend> }).start(context());
    expect((await raw(join(dir, 'p.sock'), '/openapi.json')).status).toBe(200);
    await running.close();
  });
});

describe('close', () => {
  it('takes no new calls, lets those in flight finish, ends the streams, removes the socket', async () => {
    const on = await serve(cleanup);
    const name = unique();
    await on.integration.create(name);
    const hang = on.machine.hang('mount', { times: 1 });
    const mounting = on.remote.mount(name, { holder: 'cli' });
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    const stream = raw(on.socket, '/api/v2/events');
    await until(async () => (await on.client.health()).ok, 'still there');
    let closed = false;
    const closing = on.server.close().then(() => {
      closed = true;
    });
    await stream;
    await expect(raw(on.socket, '/api/v2/health')).rejects.toThrow();
    expect(existsSync(on.socket)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).toBe(false);
    hang.release();
    expect((await mounting).volume).toBe(name);
    await closing;
    await on.integration.unmount(name, { holder: 'cli' });
  });

  it('asynchronous operations are waited for as well', async () => {
    const on = await serve(cleanup);
    const hang = on.backend.faults.hang('create', { times: 1 });
    await raw(on.socket, '/api/v2/services/memory/volumes', {
      body: { name: 'later' },
      headers: { prefer: 'respond-async' },
    });
    const closing = on.server.close();
    setTimeout(() => hang.release(), 50);
    await closing;
    expect((await on.integration.get('later')).name).toBe('later');
  });

  it('the signal of the context ends it at once: what runs is canceled and rolled back', async () => {
    const on = await serve(cleanup);
    const name = unique();
    await on.integration.create(name);
    on.machine.hang('mount', { times: 1 });
    const mounting = on.remote.mount(name, { holder: 'cli' });
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    on.stop.abort();
    await expect(mounting).rejects.toMatchObject({ code: 'canceled', details: { rolledBack: true } });
    await on.server.close();
    expect(on.machine.leaks()).toEqual([]);
  });

  it('a server that dies in the middle: the caller hears unavailable, and that the outcome is unknown', async () => {
    const path = join(dir, 'dies.sock');
    const dying = createServer((s) => s.once('data', () => s.destroy()));
    await new Promise<void>((resolve) => dying.listen(path, resolve));
    cleanup.add(() => dying.close());
    const c = connect({ socketPath: path });
    await expect(c.call('unmount', { volume: 'x', holder: 'cli' }, { service: 's' })).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('unknown'),
    });
  });
});
