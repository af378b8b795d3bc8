import http from 'node:http';
import { connect } from 'node:net';
import { type Integration, VolumeError } from '@rexray/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, bytesOf, Cleanup, type Plugged, plug, until } from './plugged.ts';
import { copyIntoRunning } from './scenarios.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

const ID = 'a'.repeat(64);
const mounting = (on: Plugged, times = 1): Promise<void> =>
  until(() => on.rex.machine.calls.filter((c) => c.call === 'mount').length >= times, 'the mount has begun');

describe('docker cp: the same id mounted twice', () => {
  it('S19: holders of one id are counted', async () => {
    expect(await copyIntoRunning(await plug(cleanup))).toEqual([]);
  });

  it('the named bug, a set instead of a counter, is caught', async () => {
    const asSet = (i: Integration): Integration =>
      Object.assign(Object.create(i) as Integration, {
        async mount(name: string, o: Parameters<Integration['mount']>[1]) {
          const held = (await i.holders.list({ volume: name })).some((h) => h.holder === o.holder);
          if (!held) return i.mount(name, o);
          const { mountpoint = '' } = await i.get(name);
          return { path: mountpoint };
        },
      });
    expect(await copyIntoRunning(await plug(cleanup, { wrap: asSet }))).toContain(
      'not mounted after the first copy, with the container running',
    );
  });
});

describe('the client goes away', () => {
  it('before a slow Mount ends: it is rolled back', async () => {
    const on = await plug(cleanup);
    await on.ask('Create', { Name: 'v' });
    on.rex.machine.hang('mount', { times: 1 });
    const gone = new AbortController();
    const asked = ask(on.socket, 'Mount', { Name: 'v', ID }, { signal: gone.signal }).catch((e) => e);
    await mounting(on);
    gone.abort();
    await asked;
    await until(async () => (await on.rex.leaks()).length === 0 && on.rex.machine.mounts.size === 0, 'rolled back');
    expect(await on.rex.integration.holders.list()).toEqual([]);
    expect((await on.ask('Mount', { Name: 'v', ID })).status).toBe(200);
    expect((await on.rex.integration.holders.list())[0]?.count).toBe(1);
  });

  it('when the Mount cannot be stopped any more: it is taken back, and says so', async () => {
    let release = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    const on = await plug(cleanup, {
      wrap: (i) =>
        Object.assign(Object.create(i) as Integration, {
          async mount(name: string, { signal: _s, ...o }: Parameters<Integration['mount']>[1]) {
            const m = await i.mount(name, o);
            await late;
            return m;
          },
        }),
    });
    await on.ask('Create', { Name: 'v' });
    const gone = new AbortController();
    const asked = ask(on.socket, 'Mount', { Name: 'v', ID }, { signal: gone.signal }).catch((e) => e);
    await mounting(on);
    gone.abort();
    await asked;
    await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    await until(() => on.rex.machine.mounts.size === 0, 'taken back');
    await until(() => on.log.some((l) => l.includes('taken back')), 'said');
    expect(await on.rex.integration.holders.list()).toEqual([]);
  });

  it('of two that mount with one id one goes: the other’s count stays', async () => {
    const on = await plug(cleanup);
    await on.ask('Create', { Name: 'v' });
    await on.ask('Mount', { Name: 'v', ID });
    const hang = on.rex.machine.hang('open', { times: 1 });
    const gone = new AbortController();
    const asked = ask(on.socket, 'Mount', { Name: 'v', ID }, { signal: gone.signal }).catch((e) => e);
    await until(
      () => on.plugin !== undefined && on.rex.machine.calls.filter((c) => c.call === 'open').length >= 3,
      'waits',
    );
    gone.abort();
    await asked;
    hang.release();
    await until(
      async () => (await on.rex.integration.holders.list())[0]?.count === 1,
      'only its own count is taken back',
    );
    expect(on.rex.machine.mounts.size).toBe(1);
  });

  it('an Unmount and a Remove are finished nevertheless: an engine never repeats them', async () => {
    const on = await plug(cleanup);
    await on.ask('Create', { Name: 'v' });
    await on.ask('Mount', { Name: 'v', ID });
    const hang = on.rex.machine.hang('unmount', { times: 1 });
    const gone = new AbortController();
    const asked = ask(on.socket, 'Unmount', { Name: 'v', ID }, { signal: gone.signal }).catch((e) => e);
    await until(() => on.rex.machine.calls.some((c) => c.call === 'unmount'), 'the unmount has begun');
    gone.abort();
    await asked;
    hang.release();
    await until(() => on.rex.machine.mounts.size === 0, 'unmounted');
    await until(async () => (await on.rex.leaks()).length === 0, 'clean');
  });

  it('in the middle of its request: nothing is done', async () => {
    const on = await plug(cleanup);
    const body = JSON.stringify({ Name: 'v', Opts: {} });
    const head = `POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nContent-Length: ${body.length}\r\n\r\n`;
    await bytesOf(on.socket, head + body.slice(0, -1), 30);
    await bytesOf(on.socket, `${head.replace('Content-Length', 'X')}${body}`, 30);
    expect(on.rex.backend.volumes.size).toBe(0);
    expect((await on.ask('/Plugin.Activate')).status).toBe(200);
  });
});

describe('connections', () => {
  it('are kept for at least a minute, so that none ends under an engine’s request', async () => {
    const on = await plug(cleanup);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.add(() => agent.destroy());
    const a = await ask(on.socket, '/Plugin.Activate', undefined, { agent });
    expect(a.headers.connection).toBe('keep-alive');
    expect(Number(/timeout=(\d+)/.exec(String(a.headers['keep-alive']))?.[1])).toBeGreaterThanOrEqual(60);
  });

  it('pipelined requests are answered in order', async () => {
    const on = await plug(cleanup);
    const one = (call: string, body: object): string => {
      const text = JSON.stringify(body);
      return `POST /VolumeDriver.${call} HTTP/1.1\r\nHost: \r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    };
    const s = connect({ path: on.socket });
    cleanup.add(() => s.destroy());
    let got = '';
    s.on('data', (d: Buffer) => {
      got += d.toString();
    });
    s.write(one('Create', { Name: 'v' }) + one('Mount', { Name: 'v', ID }) + one('List', {}));
    await until(() => got.includes('"Volumes"'), 'three answers');
    expect(got.match(/HTTP\/1.1 200/g)).toHaveLength(3);
    expect(got.indexOf('Mountpoint')).toBeLessThan(got.indexOf('"Volumes"'));
  });
});

describe('the end', () => {
  it('takes no new calls, lets those in flight finish, removes the socket', async () => {
    const on = await plug(cleanup);
    await on.ask('Create', { Name: 'v' });
    const hang = on.rex.machine.hang('mount', { times: 1 });
    const agent = new http.Agent({ keepAlive: true });
    cleanup.add(() => agent.destroy());
    await ask(on.socket, '/Plugin.Activate', undefined, { agent });
    const asked = ask(on.socket, 'Mount', { Name: 'v', ID }, { agent });
    await mounting(on);
    let closed = false;
    const closing = on.plugin.close().then(() => {
      closed = true;
    });
    await until(
      () =>
        ask(on.socket, '/Plugin.Activate').then(
          () => false,
          () => true,
        ),
      'nobody listens',
    );
    expect(closed).toBe(false);
    hang.release();
    const a = await asked;
    expect([a.status, a.body.Mountpoint]).toEqual([200, '/volumes/v/data']);
    expect(a.headers.connection).toBe('close');
    await closing;
  });

  it('the signal of the context ends it at once: what can be rolled back is', async () => {
    const on = await plug(cleanup);
    await on.ask('Create', { Name: 'v' });
    on.rex.machine.hang('mount', { times: 1 });
    const asked = on.ask('Mount', { Name: 'v', ID });
    await mounting(on);
    on.stop.abort();
    expect((await asked).status).toBe(500);
    await on.plugin.close();
    expect(await on.rex.leaks()).toEqual([]);
  });

  it('too many calls at once are refused, and the others go on', async () => {
    const on = await plug(cleanup, { config: { maxConcurrent: 2 } });
    const hang = on.rex.backend.faults.hang('create', { times: 2 });
    const two = ['a', 'b'].map((Name) => on.ask('Create', { Name }));
    await until(async () => (await on.ask('List', {})).status === 503, 'refused');
    hang.release();
    expect((await Promise.all(two)).map((a) => a.status)).toEqual([200, 200]);
    await until(async () => (await on.ask('List', {})).status === 200, 'again');
  });
});

describe('List', () => {
  it('10,000 volumes in well under a second', async () => {
    const on = await plug(cleanup);
    for (let i = 0; i < 10_000; i++)
      on.rex.backend.put(
        `v${i}`,
        (1 << 30) as never,
        { format: { state: 'blank', fsType: 'ext4' }, hints: {}, labels: {}, owner: {} },
        { params: {} },
      );
    // Processor time of both sides: what other programs of the machine do is not measured.
    const began = process.cpuUsage();
    const { body } = await on.ask('List', {});
    const { user, system } = process.cpuUsage(began);
    expect(body.Volumes).toHaveLength(10_000);
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it('a backend that hangs: what this node holds is known, within the time', async () => {
    const on = await plug(cleanup, { config: { listMs: 200 } });
    for (const Name of ['held', 'other']) await on.ask('Create', { Name });
    await on.ask('Mount', { Name: 'held', ID });
    on.rex.backend.faults.hang('list');
    const began = performance.now();
    const { status, body } = await on.ask('List', {});
    expect(performance.now() - began).toBeLessThan(2000);
    expect([status, body.Volumes]).toMatchObject([
      200,
      [{ Name: 'held', Status: { health: 'the storage does not answer' } }],
    ]);
    expect(on.log.join('\n')).toContain('not whole');
  });

  it('a backend that fails at the second page: the first is answered; one that knows nothing fails', async () => {
    const failing =
      (pages: number) =>
      (i: Integration): Integration => {
        let n = 0;
        return Object.assign(Object.create(i) as Integration, {
          async list(o: Parameters<Integration['list']>[0]) {
            n += 1;
            if (n > pages) throw new VolumeError('unavailable', 'The storage is away.', { details: {} });
            const page = await i.list({ ...o, limit: 1 });
            return page;
          },
        });
      };
    const one = await plug(cleanup, { wrap: failing(1) });
    for (const Name of ['a', 'b']) await one.ask('Create', { Name });
    expect((await one.ask('List', {})).body.Volumes).toMatchObject([{ Name: 'a' }]);
    const none = await plug(cleanup, { wrap: failing(0) });
    const a = await none.ask('List', {});
    expect([a.status, a.body.Err]).toEqual([500, 'The storage is away.']);
  });

  it('what is not ours is not shown', async () => {
    const on = await plug(cleanup);
    on.rex.backend.addForeign('theirs', (1 << 20) as never);
    expect((await on.ask('List', {})).body.Volumes).toEqual([]);
  });
});

describe('answers that are kept', () => {
  /** Counts what is really read; `away` lets the second page of a list fail. */
  const counting = (on: { reads: number; away: boolean }) => (i: Integration) =>
    Object.assign(Object.create(i) as Integration, {
      async get(name: string) {
        on.reads += 1;
        const v = await i.get(name);
        return { ...v, labels: { ...v.labels, read: String(on.reads) } };
      },
      async list(o: Parameters<Integration['list']>[0]) {
        on.reads += 1;
        if (on.away) throw new VolumeError('unavailable', 'The storage is away.', { details: {} });
        return i.list(o);
      },
    });

  it('Path, Get and List are kept for a moment, and never over a change', async () => {
    const count = { reads: 0, away: false };
    const on = await plug(cleanup, { wrap: counting(count) });
    const path = async (): Promise<string> => (await on.ask('Path', { Name: 'v' })).body.Mountpoint;
    const get = async (): Promise<string> => (await on.ask('Get', { Name: 'v' })).body.Volume.Mountpoint;
    const list = async (): Promise<string> => (await on.ask('List', {})).body.Volumes[0].Mountpoint;
    const holders = async (): Promise<number> => (await on.ask('Get', { Name: 'v' })).body.Volume.Status.holders.length;
    await on.ask('Create', { Name: 'v' });
    for (let i = 0; i < 20; i++) {
      for (const asked of [path, get, list]) expect(await asked()).toBe('');
      await on.ask('Mount', { Name: 'v', ID });
      for (const asked of [path, get, list, path, get, list, path, get, list])
        expect(await asked()).toBe('/volumes/v/data');
      expect(await holders()).toBe(1);
      await on.ask('Mount', { Name: 'v', ID: 'another' });
      expect(await holders()).toBe(2);
      await on.ask('Unmount', { Name: 'v', ID: 'another' });
      expect(await holders()).toBe(1);
      await on.ask('Unmount', { Name: 'v', ID });
    }
    expect(count.reads).toBeLessThan(200);
    await on.ask('Remove', { Name: 'v' });
    for (const call of ['Path', 'Get']) expect((await on.ask(call, { Name: 'v' })).status).toBe(500);
    expect((await on.ask('List', {})).body.Volumes).toEqual([]);
  });

  it('many that ask at once share a reading, and who goes away takes it from nobody', async () => {
    const count = { reads: 0, away: false };
    const on = await plug(cleanup, { wrap: counting(count) });
    await on.ask('Create', { Name: 'v' });
    const hang = on.rex.backend.faults.hang('find');
    const first = new AbortController();
    const gone = ask(on.socket, 'Get', { Name: 'v' }, { signal: first.signal }).catch(() => 'gone');
    await until(() => count.reads === 1, 'it is being read');
    const others = Array.from({ length: 5 }, () => on.ask('Get', { Name: 'v' }));
    first.abort();
    expect(await gone).toBe('gone');
    hang.release();
    for (const a of await Promise.all(others)) expect([a.status, a.body.Volume.Name]).toEqual([200, 'v']);
    expect(count.reads).toBe(1);
  });

  it('what others changed is seen soon', async () => {
    const count = { reads: 0, away: false };
    const on = await plug(cleanup, { wrap: counting(count) });
    await on.ask('Create', { Name: 'v' });
    const read = async (): Promise<string> => (await on.ask('Get', { Name: 'v' })).body.Volume.Status.labels.read;
    expect(await read()).toBe('1');
    await until(async () => (await read()) === '2', 'it is read again');
  });

  it('a list that is not whole is not kept', async () => {
    const count = { reads: 0, away: true };
    const on = await plug(cleanup, { wrap: counting(count) });
    for (const Name of ['held', 'other']) await on.ask('Create', { Name });
    await on.ask('Mount', { Name: 'held', ID });
    expect((await on.ask('List', {})).body.Volumes).toHaveLength(1);
    count.away = false;
    expect((await on.ask('List', {})).body.Volumes).toHaveLength(2);
  });
});

describe('Get', () => {
  it('a creation time that is none is left out: an engine would say "no such volume"', async () => {
    const on = await plug(cleanup, {
      wrap: (i) =>
        Object.assign(Object.create(i) as Integration, {
          async get(name: string) {
            return { ...(await i.get(name)), createdAt: 'yesterday' };
          },
        }),
    });
    await on.ask('Create', { Name: 'v' });
    const { Volume } = (await on.ask('Get', { Name: 'v' })).body;
    expect(Object.keys(Volume)).toEqual(['Name', 'Mountpoint', 'Status']);
  });

  it('a volume that was lost says to whom', async () => {
    const on = await plug(cleanup, {
      wrap: (i) =>
        Object.assign(Object.create(i) as Integration, {
          async get(name: string) {
            return { ...(await i.get(name)), notes: ['lost to node b at 2026-01-01T00:00:00Z'] };
          },
        }),
    });
    await on.ask('Create', { Name: 'v' });
    expect((await on.ask('Get', { Name: 'v' })).body.Volume.Status.health).toContain('lost to node b');
  });

  it('Capabilities fails while the storage is away: an engine keeps an answer for ever, and asks again after an error', async () => {
    const on = await plug(cleanup, {
      wrap: (i) =>
        Object.assign(Object.create(i) as Integration, {
          holders: {
            ...i.holders,
            list: async () => {
              throw new VolumeError('unavailable', 'Away.', { details: {} });
            },
          },
        }),
    });
    expect((await on.ask('Capabilities', {})).status).toBe(500);
    const told = await plug(cleanup, { config: { scope: 'global' } });
    expect((await told.ask('Capabilities', {})).body.Capabilities.Scope).toBe('global');
  });
});
