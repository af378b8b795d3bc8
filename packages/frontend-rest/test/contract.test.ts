/** The OpenAPI document is a promise: every route answers as it says, and every error that it names can be had. */
import { CODES, type Code, OPS } from '@rexray/core';
import { Value } from '@rexray/core/schema';
import { ANSWERS, PROBLEM_TYPE, pathFields, ROUTES, type Route, VERB_ERRORS } from '@rexray/rest-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../src/index.ts';
import { Cleanup, type Served, serve, unique } from './embedded.ts';
import { raw } from './raw.ts';

const cleanup = new Cleanup();
let on: Served;
beforeAll(async () => {
  on = await serve(cleanup);
});
afterAll(() => cleanup.run());

type Doc = { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
const doc = openApi() as unknown as Doc;
const documented = (r: Route): number[] =>
  Object.keys(doc.paths[r.path]?.[r.method.toLowerCase()]?.responses ?? {}).map(Number);

interface Call {
  readonly path: string;
  readonly body?: unknown;
}

/** A request that a route answers with success: what it needs is made before. */
async function good(r: Route): Promise<Call> {
  const volume = unique();
  const made = await on.integration.create(volume);
  const snapshot = unique('s');
  const needsSnapshot = /snapshot/.test(r.path) && r.op.includes('snapshots.') && !r.op.endsWith('create');
  const snap = needsSnapshot ? await on.integration.snapshots.create(volume, snapshot) : undefined;
  if (r.op === 'unmount' || r.op === 'holders.release') await on.integration.mount(volume, { holder: 'cli' });
  let wipe = 'x';
  if (r.op === 'format') {
    await on.integration.mount(volume, { holder: 'cli' });
    await on.integration.unmount(volume, { holder: 'cli' });
    wipe = (await on.integration.get(volume)).fsUuid ?? '';
  }
  const foreign =
    r.op === 'adopt' || r.op === 'storage.adopt'
      ? on.backend.addForeign(unique('f'), made.sizeBytes as never)
      : undefined;
  const raws = await on.env.driver.get(made.id, ctx());
  const fields: Record<string, unknown> = {
    service: 'memory',
    volume,
    snapshot,
    holder: 'cli',
    operation: '00000000-0000-4000-8000-000000000000',
    id: foreign ?? made.id,
    snapshotId: snap?.id ?? 'none',
  };
  const path = r.path.replace(/\{(\w+)\}/g, (_, n: string) => encodeURIComponent(String(fields[n])));
  const spec = { sizeBytes: made.sizeBytes * 2, record: initial(raws.record), params: {}, asked: [] };
  const bodies: Record<string, unknown> = {
    create: { name: unique() },
    clone: { to: unique() },
    expand: { size: '128MiB' },
    modify: { labels: { a: 'b' } },
    adopt: { id: fields.id, as: unique() },
    format: { wipe },
    mount: { holder: 'cli' },
    unmount: { holder: 'cli' },
    'snapshots.create': { snapshot: unique('s') },
    'snapshots.restore': { to: unique() },
    plan: { op: 'mount', name: volume, options: { holder: 'cli' } },
    'storage.whoami': { nodeId: 'agent', hostname: 'h', bootId: 'b', macs: [] },
    'storage.create': { name: unique(), spec },
    'storage.clone': { name: unique(), spec },
    'storage.snapshots.restore': { name: unique(), spec },
    'storage.attach': { node: 'agent', bootId: 'b', readonly: false, force: false },
    'storage.detach': { node: 'agent' },
    'storage.mark': { patch: { labels: { a: 'b' } }, ifRevision: raws.record.revision },
    'storage.expand': { sizeBytes: made.sizeBytes * 2 },
    'storage.modify': { change: { hints: { iops: 5 } } },
    'storage.adopt': { name: unique(), record: initial(raws.record) },
    'storage.requestRelease': { node: 'agent' },
    'storage.sweep': { node: 'agent', bootId: 'b' },
    'storage.snapshots.create': { name: unique('s'), consistency: 'clean' },
  };
  const queries: Record<string, string> = { 'storage.find': `?name=${volume}`, 'storage.owner': '?node=agent' };
  const body = r.body === undefined ? undefined : (bodies[r.op] ?? {});
  return { path: path + (queries[r.op] ?? ''), ...(body !== undefined && { body }) };
}

const initial = ({ revision: _, ...record }: { revision: string }): object => ({
  ...record,
  format: { state: 'blank', fsType: 'ext4' },
});
const ctx = () => ({
  signal: AbortSignal.timeout(5000),
  deadline: performance.now() + 5000,
  requestId: 'r',
  progress() {},
});
const send = (r: Route, c: Call) =>
  raw(on.socket, c.path, { method: r.method, ...(c.body !== undefined && { body: c.body }) });

const answered = ROUTES.filter((r) => r.op !== 'events');

describe('every route', () => {
  it.each(answered.map((r) => [r.op, r] as const))('%s answers as the document says', async (_, r) => {
    if (r.op.startsWith('operations.') && r.op !== 'operations.list') {
      const none = await send(r, await good(r));
      expect([none.status, none.body.code]).toEqual([404, 'not_found']);
      return;
    }
    const a = await send(r, await good(r));
    const lacks = a.status === 501 && a.body.code === 'unsupported';
    // The driver in memory has not every verb; that it says so is what the document says, too.
    if (!lacks) expect(a.status, a.text).toBe(r.status);
    expect(documented(r)).toContain(a.status);
    if (!lacks && r.answer !== undefined) {
      expect(a.headers['content-type']).toMatch(/^application\/json/);
      const faults = [...Value.Errors(ANSWERS[r.answer], a.body)];
      expect(faults, JSON.stringify(a.body).slice(0, 500)).toEqual([]);
    }
  });
});

describe('every documented error', () => {
  /** Codes that a fault of the storage brings about; of others there is a test of their own beside each. */
  const byStorage = (r: Route): readonly Code[] =>
    r.verb ? [...new Set([...VERB_ERRORS, ...r.errors])].filter((c) => c !== 'canceled') : [];

  const seen = new Map<string, Set<Code>>();
  it.each(answered.filter((r) => r.verb).map((r) => [r.op, r] as const))('%s', async (_, r) => {
    for (const code of byStorage(r)) {
      const c = await good(r);
      const error = code === 'internal' ? new Error('a bug of the storage') : code;
      on.backend.faults.fail('*', error as Code, { times: Number.POSITIVE_INFINITY });
      const a = await send(r, c).finally(() => on.backend.faults.clear());
      if (a.status < 400) continue;
      expect(documented(r), `${r.op} ${code}: ${a.text}`).toContain(a.status);
      expect(a.headers['content-type']).toBe(PROBLEM_TYPE);
      expect([...Value.Errors(ANSWERS.Problem, a.body)]).toEqual([]);
      expect(a.status).toBe(CODES[a.body.code as Code].http);
      seen.set(r.op, (seen.get(r.op) ?? new Set()).add(a.body.code));
    }
  });

  it('of all verbs that ask the storage, each gave each of its codes', () => {
    const quiet = ['holders.list', 'holders.release', 'unmount', 'plan', 'storage.whoami'];
    for (const r of answered.filter((x) => x.verb && seen.has(x.op) && !quiet.includes(x.op)))
      expect([...(seen.get(r.op) ?? [])], r.op).toEqual(
        expect.arrayContaining(['not_found', 'unavailable', 'timeout']),
      );
    for (const op of OPS.filter((o) => !['holders.list', 'plan'].includes(o))) expect([...seen.keys()]).toContain(op);
  });

  it.each(answered.map((r) => [r.op, r] as const))(
    '%s: a bad query, a bad body, too large, another type, an unknown service',
    async (_, r) => {
      const c = await good(r);
      const more = c.path.includes('?') ? '&' : '?';
      const status = async (x: Call, headers = {}) =>
        (await raw(on.socket, x.path, { method: r.method, headers, ...(x.body !== undefined && { body: x.body }) }))
          .status;
      if (r.op !== 'openapi') expect(await status({ ...c, path: `${c.path}${more}nonsense=1` })).toBe(400);
      if (pathFields(r.path).includes('service'))
        expect(await status({ ...c, path: c.path.replace('/services/memory', '/services/absent') })).toBe(404);
      if (r.body === undefined) return;
      expect(await status({ ...c, body: { nonsense: 1 } })).toBe(400);
      expect(await status({ ...c, body: '{' })).toBe(400);
      expect(await status({ ...c, body: `"${'x'.repeat(300_000)}"` })).toBe(413);
      expect(await status({ ...c, body: 'x=1' }, { 'content-type': 'text/plain' })).toBe(415);
      for (const s of [400, 404, 413, 415]) expect(documented(r), `${r.op} ${s}`).toContain(s);
    },
  );
});
