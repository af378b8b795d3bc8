import { CODES, type Code, isVolumeError, OPS, PLANNED, service, VolumeError } from '@rexray/core';
import { ANSWERS, ROUTES, routeOf } from '@rexray/rest-client';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { raw } from './raw.ts';

const cleanup = new Cleanup();
let it_: Served;
const base = '/api/v2/services/memory';
beforeAll(async () => {
  it_ = await serve(cleanup);
});
afterAll(() => cleanup.run());

describe('routes', () => {
  it('every verb of the integration has exactly one', () => {
    for (const op of OPS) expect(ROUTES.filter((r) => r.op === op)).toHaveLength(1);
    for (const op of PLANNED) expect(routeOf(op).mutates).toBe(true);
  });

  it('answers are what the table says, field by field', async () => {
    const { socket } = it_;
    const name = unique();
    const fits = async (
      op: Parameters<typeof routeOf>[0],
      path: string,
      o: Parameters<typeof raw>[2] = {},
    ): Promise<unknown> => {
      const route = routeOf(op);
      const r = await raw(socket, path, { method: route.method, ...o });
      expect(r.status, `${op}: ${r.text}`).toBe(route.status);
      if (route.answer === undefined) expect(r.text).toBe('');
      else expect([...Value.Errors(ANSWERS[route.answer], r.body)], op).toEqual([]);
      return r.body;
    };
    await fits('services.list', '/api/v2/services');
    await fits('services.get', base);
    await fits('capacity', `${base}/capacity`);
    await fits('create', `${base}/volumes`, { body: { name, size: '64MiB', labels: { a: 'b' } } });
    await fits('list', `${base}/volumes`);
    await fits('get', `${base}/volumes/${name}`);
    await fits('modify', `${base}/volumes/${name}`, { body: { labels: { c: 'd' } } });
    await fits('attach', `${base}/volumes/${name}/attach`);
    await fits('detach', `${base}/volumes/${name}/detach`, { body: {} });
    await fits('mount', `${base}/volumes/${name}/mount`, { body: { holder: 'cli' } });
    await fits('nodes.list', `${base}/nodes`);
    await fits('holders.list', `${base}/holders?volume=${name}`);
    await fits('expand', `${base}/volumes/${name}/expand`, { body: { size: 128 * 2 ** 20 } });
    await fits('snapshots.create', `${base}/volumes/${name}/snapshots`, { body: { snapshot: `s-${name}` } });
    await fits('snapshots.list', `${base}/snapshots?volume=${name}`);
    await fits('snapshots.restore', `${base}/snapshots/s-${name}/restore`, { body: { to: `r-${name}` } });
    await fits('snapshots.remove', `${base}/snapshots/s-${name}`);
    await fits('clone', `${base}/volumes/${name}/clone`, { body: { to: `c-${name}` } });
    await fits('holders.release', `${base}/volumes/${name}/holders/cli`);
    await fits('unmount', `${base}/volumes/${name}/unmount`, { body: { holder: 'cli' } });
    const uuid = ((await fits('get', `${base}/volumes/${name}`)) as { fsUuid: string }).fsUuid;
    await fits('format', `${base}/volumes/${name}/format`, { body: { wipe: uuid } });
    await fits('plan', `${base}/plan`, { body: { op: 'mount', name, options: { holder: 'cli' } } });
    const id = it_.backend.addForeign('bare', (64 * 2 ** 20) as never, {});
    await fits('adopt', `${base}/adopt`, { body: { id, as: `a-${name}` } });
    for (const p of ['', 'r-', 'c-', 'a-']) await fits('remove', `${base}/volumes/${p}${name}`);
    await fits('operations.list', '/api/v2/operations');
    await fits('health', '/api/v2/health');
  });

  it('dryRun answers the plan of the same call, on every route that changes something, and changes nothing', async () => {
    const { socket, integration, remote } = it_;
    const name = unique();
    await integration.create(name);
    const bodies: Record<string, object> = {
      create: { name: unique('new') },
      clone: { to: unique('c') },
      expand: { size: '1GiB' },
      format: { wipe: 'x' },
      mount: { holder: 'cli' },
      unmount: { holder: 'cli' },
      'snapshots.create': { snapshot: unique('s') },
      'snapshots.restore': { to: unique('r') },
      adopt: { id: 'some', as: unique('a') },
      modify: { labels: { x: 'y' } },
    };
    await integration.snapshots.create(name, 'planned');
    const before = await integration.get(name);
    for (const op of PLANNED) {
      const route = routeOf(op);
      const path = route.path
        .replace('{service}', 'memory')
        .replace('{volume}', name)
        .replace('{snapshot}', 'planned')
        .replace('{holder}', 'cli');
      const body = route.body === undefined ? {} : { body: bodies[op] ?? {} };
      const r = await raw(socket, `${path}?dryRun=true`, { method: route.method, ...body });
      if (r.status === 200) expect([...Value.Errors(ANSWERS.Plan, r.body)], op).toEqual([]);
      // What cannot even be planned fails as the verb would.
      else
        expect(isVolumeError(await integration.plan(op, 'x').catch((e: unknown) => e)), `${op}: ${r.text}`).toBe(true);
    }
    expect(await integration.get(name)).toEqual(before);
    expect(await remote.plan('mount', name, { holder: 'cli' })).toEqual(
      await integration.plan('mount', name, { holder: 'cli' }),
    );
    await integration.snapshots.remove('planned');
    await integration.remove(name);
  });

  it('pages by cursor, with a Link to the next; the client without a limit gets all', async () => {
    const { socket, integration, remote } = it_;
    const names = Array.from({ length: 25 }, (_, i) => `page-${String(i).padStart(2, '0')}`);
    for (const n of names) await integration.create(n, { labels: { set: 'page', i: n } });
    const found: string[] = [];
    let path: string | undefined = `${base}/volumes?limit=10&label=set%3Dpage`;
    while (path !== undefined) {
      const r = await raw(socket, path);
      found.push(...r.body.items.map((v: { name: string }) => v.name));
      path = /^<([^>]+)>; rel="next"$/.exec(String(r.headers.link ?? ''))?.[1];
      expect(path === undefined).toBe(r.body.next === undefined);
    }
    expect(found).toEqual(names);
    expect((await remote.list({ labels: { set: 'page' } })).items).toHaveLength(25);
    expect((await remote.list({ labels: { set: 'page' }, limit: 7 })).items).toHaveLength(7);
    expect((await remote.list({ labels: { set: 'page', i: 'page-03' } })).items.map((v) => v.name)).toEqual([
      'page-03',
    ]);
    const walked: string[] = [];
    for await (const v of service(remote).volumes({ prefix: 'page-', limit: 4 })) walked.push(v.name);
    expect(walked).toEqual(names);
    for (const n of names) await integration.remove(n);
  });

  it('handles over the client are those over the embedded integration', async () => {
    const it = service(it_.remote);
    const scratch = await it.scratch({ size: '64MiB' });
    expect(scratch.path).toMatch(/\/data$/);
    await scratch.remove();
    expect((await it_.integration.list({ prefix: scratch.name })).items).toEqual([]);
  });

  it('request ids go in, through the events, and out; a hostile one is replaced', async () => {
    const seen: string[] = [];
    it_.events.on('op.done', (e) => void seen.push(e.requestId));
    const r = await raw(it_.socket, `${base}/volumes/nope`, { headers: { 'x-request-id': 'req-1' } });
    expect(r.headers['x-request-id']).toBe('req-1');
    expect(r.body).toMatchObject({ requestId: 'req-1', instance: 'urn:rexray:request:req-1', code: 'not_found' });
    const e = await it_.remote
      .get('nope', { requestId: 'req-2 with blanks\n' })
      .catch((x: unknown) => x as VolumeError);
    expect((e as VolumeError).place.requestId).toBe('req-2_with_blanks_');
    expect(seen).toEqual(['req-1', 'req-2_with_blanks_']);
    const hostile = await raw(it_.socket, `${base}/volumes/nope`, { headers: { 'x-request-id': 'x'.repeat(500) } });
    expect(hostile.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('errors', () => {
  it('every code has its status, and comes back whole: message, details, hint, place', async () => {
    for (const code of Object.keys(CODES) as Code[]) {
      const thrown = new VolumeError(code, `Volume "x": a ${code}.`, {
        details: { some: ['detail', 1], rule: 'S2' } as never,
        hint: 'Do something.',
        place: { volume: 'x', service: 'memory', requestId: 'r-1' },
      });
      it_.backend.faults.fail('find', thrown);
      const plain = await raw(it_.socket, `${base}/volumes/x`, { headers: { 'x-request-id': 'r-1' } });
      expect([plain.status, plain.headers['content-type']]).toEqual([CODES[code].http, 'application/problem+json']);
      expect([...Value.Errors(ANSWERS.Problem, plain.body)]).toEqual([]);
      expect(plain.headers['retry-after']).toBe(code === 'busy' || code === 'unavailable' ? '1' : undefined);
      it_.backend.faults.fail('find', thrown);
      const e = await it_.remote.get('x').catch((x: unknown) => x);
      expect(isVolumeError(e, code), code).toBe(true);
      expect((e as VolumeError).toJSON()).toEqual(thrown.toJSON());
    }
  });

  it('an error that nobody classified is internal, and shows no stack', async () => {
    it_.backend.faults.fail('find', new TypeError('boom'));
    const r = await raw(it_.socket, `${base}/volumes/x`);
    expect(r.status).toBe(500);
    expect(r.text).not.toContain('.ts:');
  });

  it('an unknown service names the near ones; an unknown route is a problem document; a wrong method says which', async () => {
    const service_ = await raw(it_.socket, '/api/v2/services/memoru/volumes');
    expect(service_.body).toMatchObject({ status: 404, code: 'not_found', details: { near: ['memory'] } });
    await expect(it_.client.integration('memoru')).rejects.toThrow(/"memoru" does not exist/);
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect((await raw(it_.socket, `/api/v2/services/${name}`)).status).toBe(404);
    const route = await raw(it_.socket, '/api/v3/volumes');
    expect([route.status, route.headers['content-type'], route.body.code]).toEqual([
      404,
      'application/problem+json',
      'not_found',
    ]);
    const method = await raw(it_.socket, '/api/v2/health', { method: 'DELETE' });
    expect([method.status, method.headers.allow, method.body.code]).toEqual([405, 'GET', 'invalid']);
  });

  it('names that no path can carry are refused like in the embedded integration', async () => {
    for (const name of ['', '..', '.', 'a/b', 'ä', 'x'.repeat(300), '\ud800', 'a b', '%2e%2e', 'a?b#c']) {
      const codes = await Promise.all(
        [it_.integration, it_.remote].map((i) => i.get(name).catch((e: unknown) => (e as VolumeError).code)),
      );
      expect(codes, JSON.stringify(name)).toEqual(['invalid', 'invalid']);
    }
    await expect(it_.remote.get(undefined as never)).rejects.toThrow(/not a string/);
  });
});
