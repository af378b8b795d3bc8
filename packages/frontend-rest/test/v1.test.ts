/** libStorage's interface, by the words of its documentation: no REX-Ray was recorded here. */
import { setTimeout as sleep } from 'node:timers/promises';
import { gib } from '@rexray/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devicesOf, instanceFor, instancesOf, transaction } from '../src/v1/headers.ts';
import { filterOf, maskOf, queryOf } from '../src/v1/query.ts';
import { Tasks } from '../src/v1/tasks.ts';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import corpus from './libstorage-corpus.json' with { type: 'json' };
import { raw, until } from './raw.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

describe('query, headers', () => {
  it('masks: a number, a boolean with REX-Ray’s own meaning, or nothing', () => {
    const mask = (q: string) => maskOf(queryOf(`/volumes${q}`));
    expect(
      [
        '?attachments=true',
        '?attachments',
        '?attachments=false',
        '?ATTACHMENTS=11',
        '?attachments=1',
        '?attachments=x',
        '',
      ].map(mask),
    ).toEqual([15, 15, 1, 11, 1, 0, 0]);
  });
  it('filter: one name, or it is refused', () => {
    const filter = (q: string) => filterOf(queryOf(`/volumes?filter=${encodeURIComponent(q)}`));
    expect(filter('(name=Data)')).toBe('data');
    expect(filterOf(queryOf('/volumes'))).toBeUndefined();
    for (const bad of ['(name=a*)', '(&(name=a)(size=1))', '(!(name=a))', 'name=a', '(size=1)', ''])
      expect(() => filter(bad), bad).toThrow(/filter/);
  });
  it('instance ids: the service’s own before the driver’s', () => {
    const all = instancesOf({
      'libstorage-instanceid': 'ebs=i-1,availabilityZone=us-east-1a&region=us-east-1, ebs:fast=i-2, vfs=host,a=b,eyJ9',
    });
    expect(all.map((i) => i.id)).toEqual(['i-1', 'i-2', 'host']);
    expect(all[0]?.fields).toEqual({ availabilityZone: 'us-east-1a', region: 'us-east-1' });
    expect(instanceFor(all, 'fast', ['ebs'])?.id).toBe('i-2');
    expect(instanceFor(all, 'slow', ['ebs'])?.id).toBe('i-1');
    expect(instanceFor(all, 'x', ['local-dir', 'vfs'])?.id).toBe('host');
    expect(() => instancesOf({ 'libstorage-instanceid': 'nonsense' })).toThrow(/Instanceid/);
  });
  it('local devices, transactions', () => {
    expect(devicesOf({ 'libstorage-localdevices': 'ebs=/dev/xvdF::/dev/xvdf,b::c' }).get('ebs')).toEqual(
      new Map([
        ['/dev/xvdf', '/dev/xvdf'],
        ['b', 'c'],
      ]),
    );
    const tx = 'txID=0b6cd2b1-4a0b-4d8e-9b8e-000000000000, txCR=1473888888';
    expect(transaction({ 'libstorage-tx': tx })).toBe(tx);
    expect(transaction({ 'libstorage-tx': 'x' })).toMatch(/^txID=[0-9a-f-]{36}, txCR=\d+$/);
  });
});

describe('tasks', () => {
  it('ids are never used again; ended tasks are forgotten; those of hidden services are not there', async () => {
    const tasks = new Tasks({ logTimeoutMs: 0 });
    const all = () => true;
    const about = { user: '', services: ['a'] };
    const first = tasks.begin(about, 'r', async () => 1);
    await first.ended;
    await sleep(5);
    const second = tasks.begin(about, 'r', async () => new Promise(() => {}));
    expect(second.id).toBe(first.id + 1);
    expect(() => tasks.get(String(first.id), all)).toThrow(/does not exist|not_found|Task/);
    expect(tasks.get(String(second.id), all).state).toBe('running');
    expect(() => tasks.get(String(second.id), () => false)).toThrow();
    expect(Object.keys(tasks.list(() => false))).toEqual([]);
    expect(new Tasks({ logTimeoutMs: 0 }).begin(about, 'r', async () => 1).id).toBeGreaterThan(second.id);
  });
});

describe('libStorage v1', () => {
  let on: Served;
  let here: string;
  const call = (path: string, o: Parameters<typeof raw>[2] = {}) => raw(on.socket, path, o);
  const iid = () => ({ 'libstorage-instanceid': `memory=${here}`, 'libstorage-localdevices': 'memory=x::/dev/x' });
  beforeAll(async () => {
    on = await serve(cleanup);
    here = on.env.node;
  });

  const make = async (): Promise<{ id: string; name: string }> => {
    const r = await call('/volumes/memory', { body: { name: unique(), size: 1 } });
    expect([r.status, r.text]).toEqual([201, expect.stringContaining('"size": 1')]);
    return r.body;
  };

  it('roots, services, help; a browser is shown the page', async () => {
    expect((await call('/')).body).toEqual(['/services', '/snapshots', '/tasks', '/help', '/volumes']);
    expect((await call('/', { headers: { accept: 'text/html' } })).headers.location).toBe('/docs');
    const r = await call('/services');
    expect(r.body.memory).toMatchObject({ name: 'memory', driver: { name: 'memory', type: 'block' } });
    expect(r.headers).toMatchObject({
      'libstorage-servername': 'rexray',
      'libstorage-tx': expect.stringContaining('txID='),
    });
    expect((await call('/services/MEMORY?instance', { headers: iid() })).body.instance.instanceID).toMatchObject({
      id: here,
    });
    expect((await call('/services/memory?instance')).body).toMatchObject({
      status: 400,
      message: 'missing instance ID',
    });
    expect((await call('/help/version')).body).toMatch(/^\d+\.\d+/);
    for (const path of ['/help/env', '/help/config', '/help/env?admin=x'])
      expect([(await call(path)).status, (await call(path)).text]).toEqual([403, expect.not.stringContaining('PATH')]);
  });

  it('create, list, inspect by id and by name, remove', async () => {
    const v = await make();
    expect((await on.integration.get(v.name)).sizeBytes).toBe(gib(1));
    expect((await call('/volumes')).body.memory[v.id]).toMatchObject(v);
    expect((await call(`/volumes/memory?filter=(name=${v.name.toUpperCase()})`)).body).toEqual({
      [v.id]: expect.objectContaining(v),
    });
    const id = encodeURIComponent(v.id);
    expect((await call(`/volumes/memory/${id}`)).body).toMatchObject(v);
    expect((await call(`/volumes/memory/${v.name.toUpperCase()}?byName`)).body).toMatchObject(v);
    expect((await call(`/volumes/memory/${v.name}`)).body).toMatchObject({ status: 404, error: { code: 'not_found' } });
    expect((await call(`/volumes/memory/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await call(`/volumes/memory/${id}`)).status).toBe(404);
  });

  it('attach and detach for the node that asks; masks choose by attachment', async () => {
    const v = await make();
    const at = `/volumes/memory/${encodeURIComponent(v.id)}`;
    expect((await call(`${at}?attach`, { body: {} })).body).toMatchObject({
      status: 400,
      message: 'missing instance ID',
    });
    const attached = await call(`${at}?attach`, { body: { nextDeviceName: '/dev/xvdf' }, headers: iid() });
    expect([attached.status, attached.body]).toMatchObject([
      200,
      { attachToken: '', volume: { attachmentState: 2, attachments: [{ instanceID: { id: here } }] } },
    ]);
    const state = async (mask: number, headers: Record<string, string> = iid()) => {
      const r = await call(`${at}?attachments=${mask}`, { headers });
      return r.status === 200 ? r.body.attachmentState : r.status;
    };
    const elsewhere = { 'libstorage-instanceid': 'memory=other', 'libstorage-localdevices': 'memory=' };
    expect(await Promise.all([0, 1, 3, 9, 11, 15, 17, 27].map((m) => state(m)))).toEqual([2, 2, 2, 2, 2, 2, 404, 2]);
    expect(await Promise.all([0, 1, 3, 9, 11, 15, 17, 27].map((m) => state(m, elsewhere)))).toEqual([
      4, 4, 4, 4, 404, 404, 404, 404,
    ]);
    expect((await call(`${at}?attachments=3`)).body.message).toBe('missing instance ID');
    const noDevices = { 'libstorage-instanceid': `memory=${here}` };
    expect((await call(`${at}?attachments=true`, { headers: noDevices })).body.message).toBe('missing local devices');
    expect((await call(`${at}?detach`, { body: {}, headers: iid() })).status).toBe(205);
    expect((await on.integration.get(v.name)).state).toBe('available');
    expect(await Promise.all([0, 1, 9, 15, 17, 27].map((m) => state(m)))).toEqual([3, 3, 404, 404, 3, 3]);
  });

  it('detach of all is of the asking node alone', async () => {
    const v = await make();
    await on.integration.attach(v.name);
    const other = await call('/volumes?detach', { body: {}, headers: { 'libstorage-instanceid': 'memory=other' } });
    expect([other.status, (await on.integration.get(v.name)).state]).toEqual([205, 'attached']);
    await call('/volumes/memory?detach', { body: {}, headers: iid() });
    expect((await on.integration.get(v.name)).state).toBe('available');
  });

  it('what is mounted here is not taken away by a detach', async () => {
    const v = await make();
    await on.integration.mount(v.name, { holder: 'cli' });
    const r = await call(`/volumes/memory/${encodeURIComponent(v.id)}?detach`, {
      body: { force: true },
      headers: iid(),
    });
    expect([r.status, r.body.error.code]).toEqual([409, 'in_use']);
    await on.integration.unmount(v.name, { holder: 'cli' });
  });

  it('snapshots and copies; the query’s keys say what is meant, in any case', async () => {
    const v = await make();
    const at = `/volumes/memory/${encodeURIComponent(v.id)}`;
    const snap = await call(`${at}?SnapShot`, { body: { snapshotName: unique('s') } });
    expect([snap.status, snap.body.volumeID]).toEqual([201, v.id]);
    const s = `/snapshots/memory/${encodeURIComponent(snap.body.id)}`;
    expect((await call(s)).body.name).toBe(snap.body.name);
    expect((await call('/snapshots')).body.memory[snap.body.id].volumeID).toBe(v.id);
    expect((await call(`${s}?create`, { body: { name: unique('r') } })).status).toBe(201);
    expect((await call(`${at}?copy`, { body: { volumeName: unique('c') } })).status).toBe(201);
    expect((await call(`${s}?copy`, { body: { snapshotName: 'x', destinationID: 'y' } })).status).toBe(501);
    expect((await call(s, { method: 'DELETE' })).status).toBe(205);
    expect((await call(s)).status).toBe(404);
    const none = await call(at, { body: {} });
    expect([none.status, none.body.error.expected]).toEqual([400, '?attach, ?detach, ?copy, ?snapshot']);
  });

  it('bodies are checked, with our statuses instead of 500', async () => {
    for (const body of [{}, { name: 5 }, { name: 'x', sise: 1 }, [], '{']) {
      const r = await call('/volumes/memory', { body });
      expect([r.status, typeof r.body.message, r.body.status], JSON.stringify(body)).toEqual([400, 'string', 400]);
    }
    expect((await call('/volumes/nowhere', { body: { name: 'x' } })).body).toMatchObject({
      status: 404,
      message: expect.any(String),
    });
    expect((await call('/volumes/memory', { body: { name: unique(), encrypted: true } })).status).toBe(501);
  });

  it('async answers 202 with a task; a slow one 408 with a task that goes on', async () => {
    const name = unique();
    const later = await call('/volumes/memory?async=true', { body: { name } });
    expect([later.status, later.body.state]).toMatchObject([202, expect.stringMatching(/running|success/)]);
    await until(async () => (await call(`/tasks/${later.body.id}`)).body.state === 'success', 'the task ends');
    expect((await call(`/tasks/${later.body.id}`)).body.result.name).toBe(name);
    expect(Object.keys((await call('/tasks')).body)).toContain(String(later.body.id));
    expect((await call('/tasks/1')).status).toBe(404);
    const slow = await serve(cleanup, { config: { libstorage: { exeTimeoutMs: 50 } } });
    slow.backend.faults.delay('create', 600);
    const r = await raw(slow.socket, '/volumes/memory', { body: { name } });
    expect([r.status, r.body.state]).toEqual([408, 'running']);
    await until(async () => (await raw(slow.socket, `/tasks/${r.body.id}`)).body.state === 'success', 'it goes on');
    expect((await slow.integration.get(name)).name).toBe(name);
  });

  it.each(corpus.exchanges.map((x) => [`${x.request.method} ${x.request.path}`, x] as const))(
    'corpus: %s',
    async (_, x) => {
      const fill = (t: string): string => t.replaceAll('{node}', here);
      const { method, path, body } = x.request;
      const headers = Object.fromEntries(
        Object.entries((x.request as { headers?: Record<string, string> }).headers ?? {}).map(([k, v]) => [k, fill(v)]),
      );
      const r = await call(path, { method, headers, ...(body !== undefined && { body }) });
      expect(r.status).toBe(x.response.status);
      if (x.response.body !== undefined)
        expect(r.body).toMatchObject(JSON.parse(fill(JSON.stringify(x.response.body))));
    },
  );

  it('can be left out', async () => {
    const without = await serve(cleanup, { config: { libstorage: { enabled: false } } });
    expect((await raw(without.socket, '/volumes')).headers['content-type']).toBe('application/problem+json');
  });
});
