import { isVolumeError, type VolumeError } from '@rexray/core';
import { connect, routeOf } from '@rexray/rest-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { raw, until } from './raw.ts';

let cleanup: Cleanup;
let on: Served;
const base = '/api/v2/services/memory';
beforeEach(async () => {
  cleanup = new Cleanup();
  on = await serve(cleanup, { config: { signMs: 20 } });
});
afterEach(() => cleanup.run());

const clean = async (): Promise<unknown[]> => [
  ...on.machine.leaks(),
  ...(await on.env.store.list('')),
  ...[...on.backend.volumes.values()].flatMap((v) => v.attachments),
];

describe('cancel', () => {
  it('in the middle of a slow mount: the roll-back has ended when the caller hears of it', async () => {
    const name = unique();
    await on.integration.create(name);
    on.machine.hang('mount', { times: 1 });
    const stop = new AbortController();
    const mounting = on.remote.mount(name, { holder: 'cli', signal: stop.signal });
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    // The undo is slow too: hearing early would show.
    on.backend.faults.delay('detach', 200);
    const asked = performance.now();
    stop.abort();
    const e = (await mounting.catch((x: unknown) => x)) as VolumeError<'canceled'>;
    expect(isVolumeError(e, 'canceled')).toBe(true);
    expect(e.details).toMatchObject({ step: 'mount', rolledBack: true });
    expect(performance.now() - asked).toBeGreaterThan(150);
    expect(await clean()).toEqual([]);
    on.backend.faults.clear();
    await on.remote.mount(name, { holder: 'cli' });
  });

  it('before the server knows of the call: it is canceled all the same', async () => {
    const name = unique();
    await on.integration.create(name);
    on.machine.hang('mount');
    for (let i = 0; i < 10; i++) {
      const stop = new AbortController();
      const mounting = on.remote.mount(name, { holder: 'cli', signal: stop.signal });
      if (i % 2 === 1) await new Promise(setImmediate);
      stop.abort();
      const e = await mounting.catch((x: unknown) => x);
      expect(isVolumeError(e, 'canceled')).toBe(true);
    }
    expect(await clean()).toEqual([]);
  });

  it('also when every connection of the client hangs', async () => {
    const name = unique();
    await on.integration.create(name);
    on.machine.hang('mount', { times: 1 });
    const narrow = connect({ socketPath: on.socket, connections: 1 });
    cleanup.add(() => narrow.close());
    const it = await narrow.integration();
    const stop = new AbortController();
    const mounting = it.mount(name, { holder: 'cli', signal: stop.signal });
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    const waiting = it.get(name);
    stop.abort();
    await expect(mounting).rejects.toMatchObject({ code: 'canceled', details: { rolledBack: true } });
    expect((await waiting).state).toBe('available');
  });

  it('a connection that ends cancels its verb; another verb goes on', async () => {
    const [one, two] = [unique(), unique()];
    await Promise.all([on.integration.create(one), on.integration.create(two)]);
    on.machine.hang('mount', { times: 1 });
    const stop = new AbortController();
    const gone = raw(on.socket, `${base}/volumes/${one}/mount`, { body: { holder: 'cli' }, signal: stop.signal });
    gone.catch(() => undefined);
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    const other = on.remote.mount(two, { holder: 'cli' });
    stop.abort();
    await expect(gone).rejects.toThrow();
    await until(async () => (await on.client.operations.list()).length === 0, 'the verb has ended');
    expect((await other).volume).toBe(two);
    expect((await on.integration.get(one)).state).toBe('available');
  });

  it('reads end with their connection', async () => {
    on.backend.faults.hang('list');
    const stop = new AbortController();
    const listing = on.remote.list({ signal: stop.signal });
    await until(async () => (await on.client.operations.list()).length === 1, 'the listing runs');
    stop.abort();
    const e = await listing.catch((x: unknown) => x);
    expect(isVolumeError(e, 'canceled')).toBe(true);
    await until(async () => (await on.client.operations.list()).length === 0, 'the listing has ended');
  });

  it('a deadline is kept by the server, and rolled back', async () => {
    const name = unique();
    await on.integration.create(name);
    on.machine.hang('mount', { times: 1 });
    const e = await on.remote.mount(name, { holder: 'cli', timeoutMs: 60 }).catch((x: unknown) => x);
    expect(isVolumeError(e, 'timeout')).toBe(true);
    expect(await clean()).toEqual([]);
  });
});

describe('long operations', () => {
  it('progress and signs of life come while the verb runs, the result at the end', async () => {
    const name = unique();
    const hang = on.backend.faults.hang('create', { times: 1 });
    const r = raw(on.socket, `${base}/volumes`, { body: { name }, headers: { accept: 'application/x-ndjson' } });
    setTimeout(() => hang.release(), 150);
    const { status, headers, text } = await r;
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    const lines = text.split('\n');
    expect(lines.filter((l) => l === '').length).toBeGreaterThan(3);
    expect(JSON.parse(lines.at(-2) ?? '')).toMatchObject({ status: 201, result: { name } });
    const failing = on.backend.faults.hang('create', { times: 1 });
    on.backend.faults.fail('create', 'exhausted');
    setTimeout(() => failing.release(), 60);
    await expect(on.remote.create(unique())).rejects.toMatchObject({ code: 'exhausted' });
  });

  it('a client sees progress of a verb that reports it', async () => {
    const seen: unknown[] = [];
    const slow = on.integration.get;
    const verbs = on.integration as { get: typeof slow };
    verbs.get = async (name, o) => {
      for (let i = 1; i <= 3; i++) {
        o?.onProgress?.({ phase: 'copy', done: i, total: 3, unit: 'bytes' });
        await new Promise((resolve) => setTimeout(resolve, 110));
      }
      return slow(name, o);
    };
    const name = unique();
    await on.integration.create(name);
    expect((await on.remote.get(name, { onProgress: (p) => void seen.push(p.done) })).name).toBe(name);
    expect(seen).toEqual([1, 2, 3]);
    verbs.get = slow;
  });

  it('respond-async: 202, an operation that outlives the connection, its result, and its cancellation', async () => {
    const name = unique();
    const hang = on.backend.faults.hang('create', { times: 1 });
    const r = await raw(on.socket, `${base}/volumes`, { body: { name }, headers: { prefer: 'respond-async' } });
    expect([r.status, r.headers['preference-applied'], r.body.state]).toEqual([202, 'respond-async', 'running']);
    expect(r.headers.location).toBe(`/api/v2/operations/${r.body.id}`);
    setTimeout(() => hang.release(), 50);
    const done = await on.client.operations.get(r.body.id, { waitMs: 5000 });
    expect(done).toMatchObject({ state: 'done', op: 'create', volume: name, result: { name, state: 'available' } });

    on.machine.hang('mount', { times: 1 });
    const path = `${base}/volumes/${name}/mount`;
    const m = await raw(on.socket, path, { body: { holder: 'cli' }, headers: { prefer: 'respond-async' } });
    await until(() => on.machine.calls.some((c) => c.call === 'mount'), 'the mount has begun');
    const ended = await on.client.operations.cancel(m.body.id);
    expect(ended).toMatchObject({ state: 'canceled', problem: { code: 'canceled', details: { rolledBack: true } } });
    expect(on.machine.leaks()).toEqual([]);
    expect((await on.client.operations.cancel(m.body.id)).state).toBe('canceled');
    await expect(on.client.operations.get('nope')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('an operation id that is taken, and one that is none, are refused', async () => {
    const id = 'a3a0b9b0-0000-4000-8000-000000000001';
    const hang = on.backend.faults.hang('create', { times: 1 });
    const ask = { body: { name: unique() }, headers: { 'x-operation-id': id } };
    const first = raw(on.socket, `${base}/volumes`, ask);
    await until(async () => (await on.client.operations.list()).some((o) => o.id === id), 'the first runs');
    expect((await raw(on.socket, `${base}/volumes`, { ...ask, body: { name: unique() } })).status).toBe(400);
    hang.release();
    expect((await first).status).toBe(201);
    expect((await raw(on.socket, `${base}/volumes`, { ...ask, headers: { 'x-operation-id': '../x' } })).status).toBe(
      400,
    );
  });
});

describe('bounds', () => {
  it('verbs at once: one more is unavailable with Retry-After, and health still answers', async () => {
    const small = await serve(cleanup, { config: { maxConcurrent: 4 } });
    const hang = small.backend.faults.hang('list');
    const four = Array.from({ length: 4 }, () => small.remote.list());
    await until(async () => (await small.client.health()).operations === 4, 'four run');
    const fifth = await raw(small.socket, `${base}/volumes`);
    expect([fifth.status, fifth.headers['retry-after'], fifth.body.code]).toEqual([503, '1', 'unavailable']);
    hang.release();
    await Promise.all(four);
    expect((await small.client.health()).operations).toBe(0);
  });

  it('ended asynchronous operations are forgotten, oldest first', async () => {
    const small = await serve(cleanup, { config: { keepCount: 3 } });
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      const r = await raw(small.socket, `${base}/volumes`, {
        body: { name: unique() },
        headers: { prefer: 'respond-async' },
      });
      ids.push(r.body.id);
      await small.client.operations.get(r.body.id, { waitMs: 1000 });
    }
    expect((await small.client.operations.list()).map((o) => o.id)).toEqual(ids.slice(3));
  });
});

describe('idempotency', () => {
  const key = (k: string): Record<string, string> => ({ 'idempotency-key': k });

  it('the same key and request: the same answer, done once; another request with the key: 409, nothing done', async () => {
    const name = unique();
    await on.integration.create(name);
    const path = `${base}/volumes/${name}/mount`;
    const first = await raw(on.socket, path, { body: { holder: 'cli', pid: 7 }, headers: key('k1') });
    const again = await raw(on.socket, path, { body: { pid: 7, holder: 'cli' }, headers: key('k1') });
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([200, first.text, 'true']);
    expect((await on.integration.get(name)).holders).toMatchObject([{ holder: 'cli', count: 1 }]);
    const other = await raw(on.socket, path, { body: { holder: 'other' }, headers: key('k1') });
    expect([other.status, other.body.code]).toEqual([409, 'invalid']);
    expect((await on.integration.get(name)).holders).toHaveLength(1);
    const elsewhere = await raw(on.socket, `${base}/volumes/${name}/unmount`, {
      body: { holder: 'cli', pid: 7 },
      headers: key('k1'),
    });
    expect(elsewhere.status).toBe(400);
    expect((await raw(on.socket, path, { body: { holder: 'cli' }, headers: key('') })).status).toBe(400);
  });

  it('two at once: one verb, one answer', async () => {
    const name = unique();
    await on.integration.create(name);
    on.backend.faults.delay('attach', 50);
    const fields = { volume: name, holder: 'cli' };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => on.client.call('mount', fields, { service: 'memory', idempotencyKey: 'once' })),
    );
    expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
    expect((await on.integration.get(name)).holders).toMatchObject([{ count: 1 }]);
  });

  it('an error that stays is repeated; one that passes, and a canceled call, are done anew', async () => {
    const body = { name: unique(), size: '64MiB' };
    on.backend.faults.fail('create', 'exhausted');
    const path = `${base}/volumes`;
    expect((await raw(on.socket, path, { body, headers: key('e1') })).status).toBe(429);
    const repeated = await raw(on.socket, path, { body, headers: key('e1') });
    expect([repeated.status, repeated.headers['idempotent-replayed']]).toEqual([429, 'true']);
    on.backend.faults.fail('create', 'unavailable');
    expect((await raw(on.socket, path, { body, headers: key('e2') })).status).toBe(503);
    expect((await raw(on.socket, path, { body, headers: key('e2') })).status).toBe(201);

    on.backend.faults.hang('create', { times: 1 });
    const second = { name: unique() };
    const stop = new AbortController();
    const gone = raw(on.socket, path, { body: second, headers: key('e3'), signal: stop.signal });
    gone.catch(() => undefined);
    await until(async () => (await on.client.operations.list()).length === 1, 'the first runs');
    const waiting = raw(on.socket, path, { body: second, headers: key('e3') });
    // Long enough for the second to arrive and wait for the first.
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort();
    const answer = await waiting;
    expect([answer.status, answer.headers['idempotent-replayed']]).toEqual([201, undefined]);
  });

  it('is bounded in number and in time', async () => {
    const small = await serve(cleanup, { config: { keepCount: 2, keepMs: 1000 } });
    const make = (k: string, name: string) => raw(small.socket, `${base}/volumes`, { body: { name }, headers: key(k) });
    for (const k of ['a', 'b', 'c', 'd']) await make(k, `v-${k}`);
    expect((await make('d', 'v-d')).headers['idempotent-replayed']).toBe('true');
    // Forgotten: the key is free again, also for something else.
    expect((await make('a', 'v-other')).status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect((await make('d', 'v-else')).status).toBe(201);
  });

  it('the table says which routes take a key', () => {
    expect(routeOf('list').mutates).toBe(false);
    expect(routeOf('mount').mutates).toBe(true);
  });
});
