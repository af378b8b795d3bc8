import { closeSync, existsSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { storageConformance } from '@rexray/conformance';
import { type Attachment, type DriverVolume, MIB, type VolumeRecord } from '@rexray/core';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Calls, directCalls } from '../src/calls.ts';
import { classify, type LocalLoopDriver } from '../src/index.ts';
import { killEachStep, read, spec, write } from './kills.ts';
import { mountedFs } from './mounted.ts';
import { ctx, node, world } from './world.ts';

const as = (name: string, force: boolean | 'unsafe' = false) => ({ force, readonly: false, bootId: `boot-of-${name}` });
const UUID = '11111111-2222-4333-8444-555555555555';
const FORMATTED = {
  format: { state: 'formatted', fsType: 'xfs', uuid: UUID },
} as const satisfies Partial<VolumeRecord>;

const fileOf = (a: Attachment): { path: string; ino: string } => {
  if (a.kind !== 'file' || a.inode === undefined) throw new Error(`${a.kind} is not a file with an inode`);
  return { path: a.path, ino: a.inode.ino };
};
const take = (d: LocalLoopDriver, name: string, v: DriverVolume, force: boolean | 'unsafe') =>
  d.attach(v.id, name, as(name, force), ctx()).then(fileOf);

/** Stops at one call until released. */
function stopping(at: keyof Calls): { calls: Calls; reached: Promise<void>; release: () => void } {
  let release = (): void => undefined;
  let reach = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const call = directCalls[at] as (...args: unknown[]) => Promise<unknown>;
  const stop = async (...args: unknown[]): Promise<unknown> => {
    reach();
    await released;
    return call(...args);
  };
  return { calls: { ...directCalls, [at]: stop } as Calls, reached, release };
}

suite('S10: takeover by switch, on xfs with reflink', { root: true, loop: true, programs: XFS }, () => {
  const cleanup = new Cleanup();
  let dir = '';
  let a: LocalLoopDriver;
  let b: LocalLoopDriver;
  beforeAll(async () => {
    dir = mountedFs(cleanup, 'xfs', 320).dir;
    a = await node(dir, 'a');
    await a.identity({}, ctx());
    b = await node(dir, 'b');
  });
  afterAll(() => cleanup.run());

  storageConformance('local-loop, shared, with reflink', {
    runner: { describe, it },
    open: async () => world({ shared: true }, dir),
    classify,
  });

  it('the directory is probed: fencing is a switch', () => {
    expect([a.traits.fencing, b.traits.fencing]).toEqual(['switch', 'switch']);
  });

  it('the loser is left on an orphan: what it writes later reaches nobody', async () => {
    const v = await a.create('taken', spec({ ...FORMATTED }), ctx());
    const old = await take(a, 'a', v, false);
    const fd = openSync(old.path, 'r+');
    cleanup.add(() => closeSync(fd));
    writeSync(fd, 'before the switch');
    fsyncSync(fd);
    await expect(take(b, 'b', v, false)).rejects.toMatchObject({ code: 'in_use', details: { node: 'a', epoch: 1 } });
    const now = await take(b, 'b', v, true);
    expect(now.ino).not.toBe(old.ino);
    writeSync(fd, 'after the switch!!');
    expect(await read(now.path, 17)).toBe('before the switch');
    expect(await a.owner(v.id, 'a', ctx())).toEqual({ mine: false, node: 'b', epoch: 2 });
    expect((await b.owner(v.id, 'b', ctx())).mine).toBe(true);
    expect((await b.get(v.id, ctx())).record).toMatchObject({ copied: true, format: FORMATTED.format });
    await a.detach(v.id, 'a', { force: true }, ctx());
    expect((await b.owner(v.id, 'b', ctx())).mine).toBe(true);
    expect(existsSync(old.path)).toBe(false);
  });

  it('a volume without a file system stays without: copied is not noted', async () => {
    const v = await a.create('blank', spec(), ctx());
    await take(a, 'a', v, false);
    await take(b, 'b', v, true);
    expect((await b.get(v.id, ctx())).record).toMatchObject({ format: { state: 'blank' } });
    expect((await b.get(v.id, ctx())).record.copied).toBeUndefined();
  });

  it('the loser cannot mark the record any more', async () => {
    const v = await a.create('marked', spec(), ctx());
    await take(a, 'a', v, false);
    await take(b, 'b', v, true);
    const stale = a.mark(v.id, FORMATTED, { ifRevision: v.record.revision }, ctx());
    await expect(stale).rejects.toMatchObject({ code: 'busy' });
  });

  it('of two that preempt one owner, the second does not preempt the first', async () => {
    const v = await a.create('wanted', spec(), ctx());
    const c = await node(dir, 'c');
    await take(a, 'a', v, false);
    const done = await Promise.allSettled([take(b, 'b', v, true), take(c, 'c', v, true)]);
    expect(done.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect((await a.get(v.id, ctx())).attachments[0]?.epoch).toBe(2);
  });

  it.each(['clone', 'rename', 'hardLink'] as const)(
    'a straggler that stops at %s puts nothing over a later takeover',
    async (at) => {
      const v = await a.create(`straggler-${at}`, spec({ ...FORMATTED }), ctx());
      await take(a, 'a', v, false);
      const slow = stopping(at);
      const late = take(await node(dir, 'late', { calls: slow.calls }), 'late', v, true);
      late.catch(() => undefined);
      await slow.reached;
      const now = await take(b, 'b', v, true);
      await write(now.path, 'what b wrote');
      slow.release();
      await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/in_use|busy/) });
      const seen = await b.attach(v.id, 'b', as('b'), ctx()).then(fileOf);
      expect(seen).toEqual(now);
      expect(await read(seen.path, 12)).toBe('what b wrote');
      expect((await b.owner(v.id, 'b', ctx())).mine).toBe(true);
    },
  );

  it('killed at each step: nobody is given an image that the loser may write', async () => {
    const below = `${dir}/kills`;
    let old = { path: '', ino: '' };
    const steps = await killEachStep(below, {
      run: 'take',
      node: 'taker',
      async before(s) {
        old = fileOf(await s.driver.attach(s.v.id, 'n', { force: false, readonly: false, bootId: 'this-boot' }, ctx()));
      },
      async killed(s) {
        const { mine, epoch } = await s.driver.owner(s.v.id, 'n', ctx());
        expect(mine).toBe(epoch === 1);
        if (mine) {
          await s.driver.detach(s.v.id, 'n', { force: false }, ctx());
          return;
        }
        // The taker comes back, finds its own claim, and lets go without using it: the next one must be switched as well.
        await s.driver.detach(s.v.id, 'taker', { force: false }, ctx());
        const third = await node(s.dir, 'third');
        const given = await s.driver.attach(s.v.id, 'third', as('third'), ctx()).then(fileOf);
        expect(given.ino).not.toBe(old.ino);
        await third.detach(s.v.id, 'third', { force: false }, ctx());
      },
      async after(_, v) {
        expect(v).toBeDefined();
      },
    });
    console.log(`take: killed at ${steps} steps`);
    expect(steps).toBeGreaterThan(8);
  }, 180_000);

  it('snapshot, clone and restore share blocks', async () => {
    const v = await a.create('shares', { ...spec(), sizeBytes: a.traits.sizes?.min ?? v0(), asked: [] }, ctx());
    await a.expand(v.id, (64 * MIB) as typeof v.sizeBytes, ctx());
    await write(String((await a.get(v.id, ctx())).status?.path), 'x'.repeat(32 * MIB));
    const before = await a.capacity(ctx());
    const s = await a.snapshots.create(v.id, 'shared-blocks', { consistency: 'clean' }, ctx());
    await a.clone(v.id, 'shares-2', spec(), ctx());
    await a.snapshots.restore(s.id, 'shares-3', spec(), ctx());
    const after = await a.capacity(ctx());
    expect(before.freeBytes - after.freeBytes).toBeLessThan(8 * MIB);
    for (const name of ['shares', 'shares-2', 'shares-3']) await a.remove((await a.find(name, ctx()))?.id ?? '', ctx());
    await a.snapshots.remove(s.id, ctx());
  });
});

const v0 = (): never => {
  throw new Error('no smallest size');
};

suite('S10: no takeover without fencing, on ext4', { root: true, loop: true, programs: EXT4 }, () => {
  const cleanup = new Cleanup();
  let dir = '';
  beforeAll(() => {
    dir = mountedFs(cleanup, 'ext4', 32).dir;
  });
  afterAll(() => cleanup.run());

  it('force is refused and says what a person may do; unsafe takes it', async () => {
    const a = await node(dir, 'a');
    const b = await node(dir, 'b');
    const v = await a.create('v', spec(), ctx());
    expect(a.traits.fencing).toBe('none');
    const old = await take(a, 'a', v, false);
    const refused = take(b, 'b', v, true);
    await expect(refused).rejects.toMatchObject({ code: 'in_use', details: { node: 'a', epoch: 1 } });
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('unsafe') });
    expect((await a.owner(v.id, 'a', ctx())).mine).toBe(true);
    expect((await take(b, 'b', v, 'unsafe')).ino).toBe(old.ino);
    expect(await a.owner(v.id, 'a', ctx())).toEqual({ mine: false, node: 'b', epoch: 2 });
    expect(statSync(old.path).nlink).toBe(1);
  });
});
