import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, MIB } from '@rexray/core';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { directCalls } from '../src/calls.ts';
import { classify, LocalLoopDriver } from '../src/index.ts';
import { read, spec, write } from './kills.ts';
import { type MountedFs, mountedFs, run } from './mounted.ts';
import { ctx, facts, node } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

const as = { force: false, readonly: false, bootId: 'boot-of-a' } as const;
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'done',
    (e: unknown) => classify(e),
  );
const below = (dir: string, ...path: string[]): string[] => readdirSync(join(dir, ...path)).sort();

suite('a full disk', { root: true, loop: true, programs: EXT4 }, () => {
  it('nothing half-made is left, and what is there goes on', async () => {
    const { dir } = mountedFs(cleanup, 'ext4', 24);
    const a = await node(dir, 'a');
    const v = await a.create('v', { ...spec(), sizeBytes: bytes(16 * MIB) }, ctx());
    await write(String(v.status?.path), 'y'.repeat(8 * MIB));
    const before = below(dir);
    const { freeBytes } = await a.capacity(ctx());
    writeFileSync(join(dir, '.fill'), Buffer.alloc(freeBytes - 2 * MIB, 1));
    expect(await codeOf(a.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx()))).toBe('exhausted');
    expect(await codeOf(a.clone(v.id, 'copy', spec(), ctx()))).toBe('exhausted');
    for (const size of ['1M', '64k', '4k', '1k']) {
      // dd goes on to the last block, whatever the reserve is.
      try {
        run('dd', 'if=/dev/zero', `of=${join(dir, `.fill-${size}`)}`, `bs=${size}`, 'status=none');
      } catch {}
    }
    for (let i = 0; ; i++) {
      const made = await codeOf(a.create(`more-${i}`, spec(), ctx()));
      if (made === 'exhausted') break;
      before.push(`more-${i}`);
      expect(i).toBeLessThan(5000);
    }
    expect(below(dir).filter((n) => !n.startsWith('.fill'))).toEqual(before.sort());
    expect([below(dir, '.tmp'), below(dir, '.trash'), below(dir, '.snapshots')]).toEqual([[], [], []]);
    expect(await read(String(v.status?.path), 4)).toBe('yyyy');
    // A full disk keeps nobody from reading a volume, letting it go, and making room.
    await a.attach(v.id, 'a', as, ctx());
    await a.detach(v.id, 'a', { force: false }, ctx());
    await a.remove(v.id, ctx());
    expect((await a.create('again', spec(), ctx())).name).toBe('again');
  });
});

suite('S9: a directory that is not mounted', { root: true, loop: true, programs: EXT4 }, () => {
  it('is unavailable, and nothing is made beneath the mount point', async () => {
    const fs = mountedFs(cleanup, 'ext4', 24);
    const config = { volumePath: fs.dir, shared: true };
    const a = await node(fs.dir, 'a', { config });
    const expected = await a.identity({}, ctx());
    const v = await a.create('v', spec(), ctx());
    fs.unmount();
    const later = new LocalLoopDriver(config, '/nonexistent');
    await later.whoami(facts('a'), ctx());
    const verbs = {
      identity: () => later.identity({ expected }, ctx()),
      create: () => a.create('x', spec(), ctx()),
      'create, unpinned': () => later.create('x', spec(), ctx()),
      get: () => a.get(v.id, ctx()),
      find: () => a.find('v', ctx()),
      list: () => a.list({}, ctx()),
      attach: () => a.attach(v.id, 'a', as, ctx()),
      detach: () => a.detach(v.id, 'a', { force: false }, ctx()),
      remove: () => a.remove(v.id, ctx()),
      owner: () => a.owner(v.id, 'a', ctx()),
      snapshots: () => a.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx()),
    };
    for (const [name, verb] of Object.entries(verbs))
      expect([name, await codeOf(verb())]).toEqual([name, 'unavailable']);
    expect(below(fs.dir)).toEqual([]);
    fs.mount();
    expect(await later.identity({ expected }, ctx())).toBe(expected);
    expect((await a.get(v.id, ctx())).id).toBe(v.id);
  });
});

/** What must be there after the power went, because it was acknowledged before. */
async function acknowledged(fs: MountedFs, calls = directCalls): Promise<unknown> {
  const a = await node(fs.dir, 'a', { calls });
  const expected = await a.identity({}, ctx());
  const v = await a.create('v', spec(), ctx());
  const gone = await a.create('gone', spec(), ctx());
  const free = await a.create('free', spec(), ctx());
  await a.attach(free.id, 'a', as, ctx());
  await a.mark(v.id, { labels: { marked: 'yes' } }, { ifRevision: v.record.revision }, ctx());
  await a.expand(v.id, bytes(8 * MIB), ctx());
  await a.attach(v.id, 'a', as, ctx());
  await a.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx());
  await a.remove(gone.id, ctx());
  await a.detach(free.id, 'a', { force: false }, ctx());
  fs.powerCut();
  const b = await node(fs.dir, 'b');
  const now = await b.get(v.id, ctx());
  return {
    identity: (await b.identity({}, ctx())) === expected,
    size: now.sizeBytes,
    labels: now.record.labels,
    nodes: now.attachments.map((x) => x.node),
    names: (await b.list({}, ctx())).items.map((x) => x.name),
    free: (await b.get(free.id, ctx())).attachments,
    snapshots: (await b.snapshots.list({}, ctx())).items.map((x) => x.name),
  };
}

suite('a power cut', { root: true, loop: true, programs: XFS }, () => {
  const whole = {
    identity: true,
    size: 8 * MIB,
    labels: { marked: 'yes' },
    nodes: ['a'],
    names: ['free', 'v'],
    free: [],
    snapshots: ['s'],
  };

  it('what was acknowledged is there', async () => {
    expect(await acknowledged(mountedFs(cleanup, 'xfs', 320))).toEqual(whole);
  });

  it('finds what is lost where directories are not flushed', async () => {
    const calls = { ...directCalls, syncDir: async () => undefined };
    const found = await acknowledged(mountedFs(cleanup, 'xfs', 320), calls).catch((e: unknown) => classify(e));
    expect(found).not.toEqual(whole);
  });
});
