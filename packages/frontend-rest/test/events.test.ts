import http from 'node:http';
import type { RemoteEvent } from '@rexray/rest-client';
import { connect } from '@rexray/rest-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRestServer } from '../src/index.ts';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { raw, until } from './raw.ts';

let cleanup: Cleanup;
let on: Served;
beforeEach(async () => {
  cleanup = new Cleanup();
  on = await serve(cleanup, { config: { signMs: 20, eventBuffer: 50 } });
});
afterEach(() => cleanup.run());

/** Collects a stream in the background; `stop` ends it. */
async function listening(o: Parameters<Served['client']['events']>[0] = {}) {
  const got: RemoteEvent[] = [];
  const stop = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((open, fail) => {
    ended = (async () => {
      for await (const e of on.client.events({ signal: stop.signal, onOpen: open, ...o })) got.push(e);
    })();
    ended.catch(fail);
  });
  return {
    got,
    types: () => got.map((e) => e.type),
    async stop(): Promise<void> {
      stop.abort();
      await ended;
    },
  };
}

const warn = (message: string): void => on.events.emit('warning', { message, at: new Date().toISOString() });
const messages = (got: readonly RemoteEvent[]): string[] => got.map((e) => (e.type === 'warning' ? e.message : e.type));

describe('events', () => {
  it('come as they happen, whole, with ids that grow; steps only where asked for', async () => {
    const all = await listening();
    const steps = await listening({ types: ['op.step'] });
    const name = unique();
    await on.remote.create(name, { requestId: 'r1' });
    await until(() => all.types().includes('op.done'), 'the end is told');
    expect(all.types()).toEqual(['op.started', 'volume.created', 'op.done']);
    expect(all.got[1]).toMatchObject({ type: 'volume.created', service: 'memory', volume: name, requestId: 'r1' });
    const seq = all.got.map((e) => Number(e.id?.split('.')[1]));
    expect(seq).toEqual([...seq].sort((a, b) => a - b));
    await until(() => steps.got.length > 0, 'steps are told');
    expect(new Set(steps.types())).toEqual(new Set(['op.step']));
    expect(steps.got[0]?.id).toBeUndefined();
    await all.stop();
    await steps.stop();
  });

  it('are filtered by volume and service; an unknown event or parameter is refused by name', async () => {
    const mine = await listening({ volume: 'mine', types: ['volume.created'] });
    await on.remote.create('other');
    await on.remote.create('mine');
    await until(() => mine.got.length === 1, 'one came');
    expect(mine.got[0]).toMatchObject({ volume: 'mine' });
    await mine.stop();
    const wrong = await raw(on.socket, '/api/v2/events?type=volume.created,nope');
    expect([wrong.status, wrong.body.details.value]).toEqual([400, 'nope']);
    expect((await raw(on.socket, '/api/v2/events?typ=x')).body.hint).toContain('"type"');
  });

  it('go on after the last one seen: nothing is missed, nothing comes twice', async () => {
    const first = await listening({ types: ['warning'] });
    for (const m of ['a', 'b', 'c']) warn(m);
    await until(() => first.got.length === 3, 'three came');
    await first.stop();
    for (const m of ['d', 'e']) warn(m);
    const after = first.got[1]?.id;
    const second = await listening({ types: ['warning'], ...(after !== undefined && { after }) });
    warn('f');
    await until(() => second.got.length === 4, 'the rest came');
    expect(messages(second.got)).toEqual(['c', 'd', 'e', 'f']);
    await second.stop();
  });

  it('what is no longer kept is a gap, and so is a restart', async () => {
    const id = `${(await idNow()).split('.')[0]}.0`;
    for (let i = 0; i < 60; i++) warn(String(i));
    const late = await listening({ after: id, types: ['warning'] });
    await until(() => late.got.length === 51, 'gap and fifty');
    expect(late.got[0]).toMatchObject({ type: 'gap', why: expect.stringContaining('50') });
    expect(messages(late.got).slice(1)).toEqual(Array.from({ length: 50 }, (_, i) => String(i + 10)));
    await late.stop();
    for (const foreign of ['deadbeef.3', 'nonsense', `${id.split('.')[0]}.99999`]) {
      const l = await listening({ after: foreign });
      await until(() => l.got.length > 0, 'the gap');
      expect(l.got[0]).toMatchObject({ type: 'gap', why: expect.stringContaining('restarted') });
      await l.stop();
    }
  });

  it('a server that restarts: the stream comes back by itself and says so', async () => {
    const l = await listening({ types: ['warning'] });
    warn('before');
    await until(() => l.got.length === 1, 'the first');
    await on.server.close();
    const again = await createRestServer(
      {
        services: { memory: on.integration },
        defaultService: 'memory',
        events: on.events,
        logger: on.env.logger,
        signal: on.stop.signal,
      },
      { socket: on.socket },
    );
    cleanup.add(() => again.close());
    await until(() => l.types().includes('gap'), 'it is back');
    warn('after');
    await until(() => messages(l.got).includes('after'), 'and live');
    expect(messages(l.got)).toEqual(['before', 'gap', 'after']);
    await l.stop();
  });

  it('a first connection that fails is an error, not a silence', async () => {
    const nobody = connect({ socketPath: `${on.socket}.none` });
    await expect(nobody.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('listeners are bounded; one that does not read is cut off, and the server keeps no more than a mebibyte of it', async () => {
    const small = await serve(cleanup, { config: { maxListeners: 1 } });
    const q = http.get({ socketPath: small.socket, path: '/api/v2/events', agent: false });
    cleanup.add(() => q.destroy());
    const closed = new Promise<void>((resolve) => {
      q.on('response', (r) => {
        r.pause();
        r.on('error', () => undefined);
        r.on('close', () => resolve());
      });
      q.on('error', () => resolve());
    });
    await until(async () => (await head(small.socket)) === 503, 'the second is refused');
    const big = 'x'.repeat(100_000);
    for (let i = 0; i < 40; i++) {
      small.events.emit('warning', { message: big, at: '' });
      await new Promise(setImmediate);
    }
    // It is gone for the server: another one may listen.
    await until(async () => (await head(small.socket)) === 200, 'the place is free');
    q.destroy();
    await closed;
  });
});

async function idNow(): Promise<string> {
  return new Promise((resolve, reject) => {
    const q = http.get({ socketPath: on.socket, path: '/api/v2/events', agent: false }, (r) => {
      r.on('error', () => undefined);
      r.on('data', (c: Buffer) => {
        const id = /^id: (\S+)$/m.exec(String(c))?.[1];
        q.destroy();
        if (id === undefined) reject(new Error(`no id in ${String(c)}`));
        else resolve(id);
      });
    });
    q.on('error', () => undefined);
  });
}

/** Status of a stream of events, which is left at once. */
function head(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const q = http.get({ socketPath, path: '/api/v2/events', agent: false }, (r) => {
      r.on('error', () => undefined);
      resolve(r.statusCode);
      q.destroy();
    });
    q.on('error', reject);
  });
}
