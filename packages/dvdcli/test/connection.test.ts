import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleOn, Dvdcli, type Ran, surroundings } from './program.ts';

let cleanup: Cleanup;
let around: ReturnType<typeof surroundings>;
let dvdcli: Dvdcli;
beforeEach(() => {
  cleanup = new Cleanup();
  around = surroundings(cleanup);
  dvdcli = new Dvdcli(bundleOn(), around.env);
});
afterEach(() => cleanup.run());

describe('the connection to a plugin', () => {
  /** Speaks HTTP by hand: `close` says what becomes of the connection after (or, `before`, instead of) the answer to a method. */
  async function raw(
    close: (method: string, c: Socket) => 'keep' | 'before' | ((c: Socket) => void),
    o: { version?: string; header?: string } = {},
  ): Promise<{ asked: string[]; connections: () => number; open: () => number }> {
    const asked: string[] = [];
    let [connections, open] = [0, 0];
    mkdirSync(around.sockets, { recursive: true });
    const server = createServer((c) => {
      connections += 1;
      open += 1;
      c.on('close', () => {
        open -= 1;
      });
      c.on('error', () => {});
      c.on('data', (d) => {
        const method = /^POST \/(\S+)/.exec(d.toString())?.[1] ?? '';
        asked.push(method.replace('VolumeDriver.', ''));
        const then = close(method, c);
        if (then === 'before') return void c.destroy();
        const text = JSON.stringify({ Implements: ['VolumeDriver'], Volume: { Name: 'a' }, Mountpoint: '/mnt/a' });
        c.write(`HTTP/${o.version ?? '1.1'} 200 OK\r\n${o.header ?? ''}Content-Length: ${text.length}\r\n\r\n${text}`);
        if (then !== 'keep') then(c);
      });
    });
    await new Promise<void>((resolve) => server.listen(join(around.sockets, 'raw.sock'), resolve));
    cleanup.add(() => server.close());
    return { asked, connections: () => connections, open: () => open };
  }
  const mount = (): Promise<Ran> => dvdcli.run(['mount', '--volumedriver=raw', '--volumename=a']);
  const ALL = ['Plugin.Activate', 'Get', 'Mount'];

  it('is kept for questions; a change has one of its own, after the other is closed', async () => {
    const open: number[] = [];
    const s = await raw(() => {
      open.push(s.open());
      return 'keep';
    });
    expect(await mount()).toMatchObject({ status: 0, out: '/mnt/a\n', err: '' });
    expect(s.asked).toEqual(ALL);
    expect([s.connections(), open]).toEqual([2, [1, 1, 1]]);
  });

  it('serves changes too where the plugin promises to keep it', async () => {
    const s = await raw(() => 'keep', { header: 'Connection: keep-alive\r\n' });
    expect(await mount()).toMatchObject({ status: 0, out: '/mnt/a\n', err: '' });
    expect([s.asked, s.connections()]).toEqual([ALL, 1]);
  });

  it.each([
    ['at once', (c: Socket) => void c.destroy()],
    ['at once, politely', (c: Socket) => void c.end()],
    ['a moment later', (c: Socket) => void setTimeout(() => c.destroy(), 2)],
    ['later', (c: Socket) => void setTimeout(() => c.destroy(), 20)],
  ])('one that the plugin closes unannounced (%s) costs nothing, and nothing is done twice', async (_, close) => {
    const s = await raw(() => close);
    for (let i = 0; i < 5; i++) {
      s.asked.length = 0;
      expect(await mount()).toMatchObject({ status: 0, out: '/mnt/a\n', err: '' });
      // A question may be heard twice, a change never.
      expect(s.asked.filter((m, i) => m !== s.asked[i - 1])).toEqual(ALL);
      expect(s.asked.filter((m) => m === 'Mount')).toHaveLength(1);
    }
  });

  it('an answer of HTTP/1.0 ends it', async () => {
    const s = await raw(() => 'keep', { version: '1.0' });
    expect((await mount()).status).toBe(0);
    expect(s.connections()).toBe(3);
  });

  it.each(['', 'Connection: keep-alive\r\n'])(
    'a change whose answer does not come is not asked for again (%j)',
    async (header) => {
      const s = await raw((method) => (method.endsWith('.Mount') ? 'before' : 'keep'), { header });
      const r = await mount();
      expect(r).toMatchObject({ status: 1, out: '' });
      expect(r.err).toContain('broke off VolumeDriver.Mount');
      expect(s.asked).toEqual(ALL);
    },
  );

  it('a question whose answer does not come is asked again, once', async () => {
    let times = 0;
    const s = await raw((method) => (method.endsWith('.Get') && times++ === 0 ? 'before' : 'keep'));
    expect((await mount()).status).toBe(0);
    expect(s.asked).toEqual(['Plugin.Activate', 'Get', 'Get', 'Mount']);
  });

  it('is let go where nothing follows: a plugin may serve one at a time', async () => {
    const s = await raw(() => 'keep');
    const { file, args } = bundleOn();
    const child = spawn(file, [...args, 'get', '--volumedriver=raw', '-'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...around.env },
    });
    const next = (): Promise<unknown> => new Promise((resolve) => child.stdout.once('data', resolve));
    for (const n of [1, 2]) {
      child.stdin.write('a\n');
      await next();
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(s.connections()).toBe(n);
      expect(s.open()).toBe(0);
    }
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });
});
