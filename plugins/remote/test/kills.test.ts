import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, emptyRecord, type VolumeSpec } from '@rexray/core';
import { Cleanup, suite } from '@rexray/rig';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RemoteDriver, RemoteParams } from '../src/index.ts';
import { ctx, place, ServerProcess, tokenOf } from './world.ts';

const spec: VolumeSpec<RemoteParams> = {
  sizeBytes: bytes(64 * 2 ** 20),
  record: emptyRecord({ state: 'blank', fsType: 'ext4' }),
  params: {},
  asked: ['size'],
};
const as = { force: false, readonly: false, bootId: 'boot-of-one' } as const;

// SIGKILL in the middle of a verb, the server back on its port: the agent asks again under the same idempotency key.
suite('a server that is killed in the middle', { programs: { openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  const dir = place(cleanup);
  let server: ServerProcess;
  let driver: RemoteDriver;
  let name = '';
  let serial = 0;
  beforeAll(async () => {
    mkdirSync(dir);
    server = await ServerProcess.start(cleanup);
    await server.serve('loop', 'local-loop', { volumePath: dir, shared: true });
    driver = await server.node(cleanup, 'loop', 'one', { patienceMs: 60_000 });
  }, 60_000);
  afterAll(() => cleanup.run());
  beforeEach(() => {
    serial += 1;
    name = `v${serial}`;
  });

  /** The answer of a verb whose server was killed while it was at it, and restarted. */
  async function killed<T>(op: string, when: 'before' | 'after', act: () => Promise<T>): Promise<T> {
    await server.call('stall', op, when);
    const asked = act();
    asked.catch(() => undefined);
    await expect.poll(() => server.call('stalled'), { timeout: 30_000 }).toBe(true);
    await server.kill();
    await server.restart();
    return asked;
  }
  const make = () => driver.create(name, spec, ctx());
  const named = async () => (await driver.list({}, ctx())).items.filter((v) => v.name === name);

  it.each(['before', 'after'] as const)('create, %s it is done: one volume, nothing half-made', async (when) => {
    const v = await killed('create', when, () => driver.create(name, spec, ctx(90_000)));
    expect((await named()).map((x) => x.id)).toEqual([v.id]);
    expect(readdirSync(join(dir, '.tmp'))).toEqual([]);
  });

  it.each(['before', 'after'] as const)('attach, %s it is done: one attachment, of this node', async (when) => {
    const v = await make();
    const a = await killed('attach', when, () => driver.attach(v.id, 'one', as, ctx(90_000)));
    expect(a).toMatchObject({ kind: 'file', elsewhere: true });
    expect((await driver.get(v.id, ctx())).attachments.map((x) => [x.node, x.epoch])).toEqual([['one', 1]]);
    await driver.detach(v.id, 'one', { force: false }, ctx());
  });

  it.each(['before', 'after'] as const)('mark, %s it is done: what was wished is there, once', async (when) => {
    const v = await make();
    const patch = { labels: { a: '1' }, dataDir: '/data' };
    const o = { ifRevision: v.record.revision };
    const marked = await killed('mark', when, () => driver.mark(v.id, patch, o, ctx(90_000)));
    expect(marked.record).toMatchObject(patch);
    expect((await driver.get(v.id, ctx())).record).toEqual(marked.record);
    await expect(driver.mark(v.id, { labels: {} }, o, ctx())).rejects.toMatchObject({ code: 'busy' });
  });

  it.each(['before', 'after'] as const)('detach and remove, %s they are done: nothing is left', async (when) => {
    const v = await make();
    await driver.attach(v.id, 'one', as, ctx());
    await killed('detach', when, () => driver.detach(v.id, 'one', { force: false }, ctx(90_000)));
    expect((await driver.get(v.id, ctx())).attachments).toEqual([]);
    await killed('remove', when, () => driver.remove(v.id, ctx(90_000)));
    expect(await named()).toEqual([]);
  });

  it('S9: a server that comes back over another place does nothing for an agent that knew the first', async () => {
    const other = place(cleanup, 'other');
    mkdirSync(other);
    await server.call('drop', 'loop');
    await server.call('add', 'elsewhere', 'local-loop', { volumePath: other, shared: true });
    const known = await driver.identity({}, ctx()).catch((e: unknown) => e);
    expect(known).toMatchObject({ code: 'not_found' });
    const there = await server.node(cleanup, 'elsewhere', 'one');
    const pinned = await there.identity({}, ctx());
    await server.call('drop', 'elsewhere');
    const moved = place(cleanup, 'moved');
    mkdirSync(moved);
    await server.call('add', 'elsewhere2', 'local-loop', { volumePath: moved, shared: true });
    const agent = server.driver(cleanup, 'elsewhere2');
    await agent.whoami({ nodeId: 'one', bootId: 'b', hostname: 'one', macs: [] }, ctx());
    await expect(agent.identity({ expected: pinned }, ctx())).rejects.toMatchObject({ code: 'unavailable' });
    expect(readdirSync(moved).filter((x) => !x.startsWith('.'))).toEqual([]);
  });

  it('nobody there: the error is bounded, clear, and comes at once the second time', async () => {
    const agent = await server.node(cleanup, 'elsewhere2', 'one', { patienceMs: 1_000 });
    await server.kill();
    const ask = () => agent.list({}, ctx()).catch((e: unknown) => e);
    const first = performance.now();
    expect(await ask()).toMatchObject({ code: 'unavailable', message: expect.stringContaining(server.url) });
    expect(performance.now() - first).toBeLessThan(5_000);
    const again = performance.now();
    expect(await ask()).toMatchObject({ code: 'unavailable' });
    expect(performance.now() - again).toBeLessThan(500);
  });
});

suite('which node an agent may ask for', { programs: { openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it('a token of one node is refused for another; the server’s rules hold for agents', async () => {
    const dir = place(cleanup);
    mkdirSync(dir);
    const server = await ServerProcess.start(cleanup);
    await server.serve('loop', 'local-loop', { volumePath: dir, shared: true });
    const token = await tokenOf('agent', { nodes: ['one'] });
    const one = await server.node(cleanup, 'loop', 'one', { token });
    const two = await server.node(cleanup, 'loop', 'two');
    const v = await one.create('v', spec, ctx());
    await two.attach(v.id, 'two', { ...as, bootId: 'boot-of-two' }, ctx());
    await expect(one.detach(v.id, 'two', { force: true }, ctx())).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('for node two'),
    });
    await expect(server.node(cleanup, 'loop', 'two', { token })).rejects.toMatchObject({ code: 'denied' });
    // What is on a volume, only the node that has it says.
    const format = { state: 'formatted', fsType: 'ext4', uuid: '00000000-0000-4000-8000-000000000000' } as const;
    const now = await one.get(v.id, ctx());
    const o = { ifRevision: now.record.revision };
    await expect(one.mark(v.id, { format }, o, ctx())).rejects.toMatchObject({ code: 'in_use' });
    await expect(one.create('w', { ...spec, params: { nonsense: 1 } }, ctx())).rejects.toMatchObject({
      code: 'invalid',
    });
    expect((await two.get(v.id, ctx())).attachments.map((x) => x.node)).toEqual(['two']);
  }, 60_000);
});
