import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, type Ctx, type DriverVolume, MIB, type Progress } from '@rexray/core';
import { parse } from '@rexray/core/schema';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema } from '../src/config.ts';
import plugin, { classify, LocalLoopDriver } from '../src/index.ts';
import { processToken } from '../src/process.ts';
import { spec } from './kills.ts';
import { ctx, facts, node } from './world.ts';

let cleanup: Cleanup;
let dir: string;
let a: LocalLoopDriver;
beforeEach(async () => {
  cleanup = new Cleanup();
  dir = join(cleanup.tempDir('rexray-volumes-'), 'volumes');
  a = await node(dir, 'a');
});
afterEach(() => cleanup.run());

const as = (name: string) => ({ force: false, readonly: false, bootId: `boot-of-${name}` }) as const;
const code = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'done',
    (e: unknown) => classify(e),
  );

describe('names and ids', () => {
  it.each(['', '.', '..', '.tmp', 'a/b', '../x', 'a\0b', 'a@b', '-rf', 'x'.repeat(201), 'ü', 'a b', '🐋'])(
    'the name %j is invalid, and nothing is made',
    async (name) => {
      expect(await code(a.create(name, spec(), ctx()))).toBe('invalid');
      expect(await code(a.find(name, ctx()))).toBe('invalid');
      expect((await a.list({}, ctx())).items).toEqual([]);
    },
  );

  it.each(['A', 'x'.repeat(200), '0.9_z-', 'disk.img'])('the name %s works in every verb', async (name) => {
    const v = await a.create(name, spec(), ctx());
    await a.attach(v.id, 'a', as('a'), ctx());
    await a.detach(v.id, 'a', { force: false }, ctx());
    await a.snapshots.create(v.id, name, { consistency: 'clean' }, ctx());
    expect((await a.find(name, ctx()))?.id).toBe(v.id);
    await a.remove(v.id, ctx());
    expect(await a.find(name, ctx())).toBeUndefined();
  });

  it.each(['', 'x', '@', 'x@', '../x@000000000000', '.tmp@000000000000', 'x@foreign-1', '.tmp@foreign-1'])(
    'the id %j is of nothing',
    async (id) => {
      expect(await code(a.get(id, ctx()))).toBe('not_found');
      expect(await code(a.remove(id, ctx()))).toBe('done');
      expect(await code(a.detach(id, 'a', { force: true }, ctx()))).toBe('done');
    },
  );

  it('S13: a volume made again under its name is another one; the old id touches nothing of it', async () => {
    const old = await a.create('v', spec(), ctx());
    await a.remove(old.id, ctx());
    const v = await a.create('v', spec(), ctx());
    expect(v.id).not.toBe(old.id);
    const verbs = [
      a.get(old.id, ctx()),
      a.attach(old.id, 'a', as('a'), ctx()),
      a.mark(old.id, { labels: { x: 'y' } }, { ifRevision: '1' }, ctx()),
      a.expand(old.id, bytes(8 * MIB), ctx()),
    ];
    expect(await Promise.all(verbs.map(code))).toEqual(verbs.map(() => 'not_found'));
    await a.remove(old.id, ctx());
    expect(await a.get(v.id, ctx())).toEqual(v);
  });
});

describe('S5, S8: claims', () => {
  it('names the owner, since when, and the epoch', async () => {
    const b = await node(dir, 'b');
    const v = await a.create('v', spec(), ctx());
    await a.attach(v.id, 'a', as('a'), ctx());
    const { since } = (await a.get(v.id, ctx())).attachments[0] ?? {};
    const details = { node: 'a', epoch: 1, since };
    await expect(b.attach(v.id, 'b', as('b'), ctx())).rejects.toMatchObject({ code: 'in_use', details });
    await expect(b.remove(v.id, ctx())).rejects.toMatchObject({ code: 'in_use', details });
    await expect(b.clone(v.id, 'copy', spec(), ctx())).rejects.toMatchObject({ code: 'in_use', details });
  });

  it('the epoch grows with each owner and outlives a release', async () => {
    const v = await a.create('v', spec(), ctx());
    for (const epoch of [1, 2, 3]) {
      await a.attach(v.id, 'a', as('a'), ctx());
      expect((await a.get(v.id, ctx())).attachments[0]?.epoch).toBe(epoch);
      await a.detach(v.id, 'a', { force: false }, ctx());
    }
    await a.attach(v.id, 'a', as('a'), ctx());
    await a.attach(v.id, 'a', { ...as('a'), bootId: 'after-a-reboot' }, ctx());
    expect((await a.get(v.id, ctx())).attachments).toMatchObject([{ node: 'a', epoch: 5, bootId: 'after-a-reboot' }]);
  });

  it('work of a living process is busy; of a dead one of the same node it is over', async () => {
    const v = await a.create('v', spec(), ctx());
    const claim = (token: string): void => {
      const text = {
        kind: 'work',
        node: 'a',
        boot: 'boot-of-a',
        nonce: 'x',
        since: 'now',
        replaces: 0,
        op: 'remove',
        token,
      };
      symlinkSync(JSON.stringify(text), join(dir, 'v', `claim.${v.id.split('@')[1]}.1`));
    };
    claim(processToken('a', 'boot-of-a'));
    const b = await node(dir, 'b');
    expect(await code(a.attach(v.id, 'a', as('a'), ctx()))).toBe('busy');
    expect(await code(b.attach(v.id, 'b', { ...as('b'), force: true }, ctx()))).toBe('busy');
    expect(await code(a.remove(v.id, ctx()))).toBe('busy');
    const again = { ...as('a'), bootId: 'after-a-reboot' };
    expect(await code(b.attach(v.id, 'b', again, ctx()))).toBe('busy');
    expect(await code(a.attach(v.id, 'a', again, ctx()))).toBe('done');
  });
});

describe('copies', () => {
  const filled = async (mib: number): Promise<DriverVolume> => {
    const v = await a.create('v', { ...spec(), sizeBytes: bytes(256 * MIB) }, ctx());
    const h = await open(String(v.status?.path), 'r+');
    await h.write(Buffer.alloc(mib * MIB, 7), 0, mib * MIB, 64 * MIB);
    await h.close();
    return v;
  };

  it('are sparse, and tell how far they are', async () => {
    const v = await filled(40);
    const told: Progress[] = [];
    const copy = await a.clone(v.id, 'copy', spec(), { ...ctx(), progress: (p) => told.push(p) });
    const size = copy.sizeBytes;
    expect(size).toBe(256 * MIB);
    expect(copy.status?.allocatedBytes).toBeLessThan(48 * MIB);
    expect(told.at(-1)).toEqual({ phase: 'copying', done: size, total: size, unit: 'bytes' });
    expect(
      readFileSync(String(copy.status?.path))
        .subarray(64 * MIB, 104 * MIB)
        .every((b) => b === 7),
    ).toBe(true);
  });

  it('stop when the caller goes away; nothing of them is left and the source is free', async () => {
    const v = await filled(64);
    for (const verb of ['clone', 'snapshot'] as const) {
      const gone = new AbortController();
      const c: Ctx = { ...ctx(gone.signal), progress: () => gone.abort() };
      const copying =
        verb === 'clone'
          ? a.clone(v.id, 'copy', spec(), c)
          : a.snapshots.create(v.id, 's', { consistency: 'clean' }, c);
      await expect(copying).rejects.toThrow('abort');
      expect(readdirSync(join(dir, '.tmp'))).toEqual([]);
    }
    expect((await a.list({}, ctx())).items.map((x) => x.name)).toEqual(['v']);
    expect((await a.snapshots.list({}, ctx())).items).toEqual([]);
    expect(await code(a.attach(v.id, 'a', as('a'), ctx()))).toBe('done');
  });

  it('S3: consent to format does not travel; the format state does', async () => {
    const consenting = await a.create('c', spec({ format: { state: 'blank', fsType: 'xfs', consent: true } }), ctx());
    const copy = await a.clone(consenting.id, 'copy', spec(), ctx());
    expect(copy.record.format).toEqual({ state: 'blank', fsType: 'xfs' });
  });
});

describe('local-loop.maxBytes', () => {
  it('is a ceiling for volumes, snapshots, copies and growth; beyond it nothing is left', async () => {
    const d = await node(dir, 'a', { config: { maxBytes: '9MiB' } });
    const v = await d.create('v', spec(), ctx());
    await d.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx());
    await d.clone(v.id, 'copy', spec(), ctx());
    expect(await code(d.create('big', { ...spec(), sizeBytes: bytes(4 * MIB) }, ctx()))).toBe('exhausted');
    expect(await code(d.expand(v.id, bytes(6 * MIB), ctx()))).toBe('exhausted');
    expect((await d.expand(v.id, bytes(5 * MIB), ctx())).sizeBytes).toBe(5 * MIB);
    for (const refused of [
      () => d.clone(v.id, 'second', spec(), ctx()),
      () => d.snapshots.create(v.id, 't', { consistency: 'clean' }, ctx()),
    ]) {
      await expect(refused()).rejects.toMatchObject({ code: 'exhausted', details: { limit: 9 * MIB, used: 9 * MIB } });
    }
    expect(readdirSync(dir).filter((n) => !n.startsWith('.'))).toEqual(['copy', 'v']);
    expect((await d.capacity(ctx())).freeBytes).toBe(0);
  });

  it('names its key when it is not a size, and its unit is not guessed', () => {
    for (const maxBytes of ['lots', '10']) {
      expect(() => new LocalLoopDriver({ maxBytes }, dir)).toThrow('local-loop.maxBytes');
    }
  });
});

describe('S12: what is not ours', () => {
  const contents = 'theirs '.repeat(100);

  it('a directory with an image is adopted under its own name or another; its other files stay', async () => {
    await a.identity({}, ctx());
    for (const [entry, name] of [
      ['same', 'same'],
      ['old', 'other'],
    ] as const) {
      mkdirSync(join(dir, entry));
      writeFileSync(join(dir, entry, 'image'), contents);
      writeFileSync(join(dir, entry, 'notes.txt'), 'keep');
      const foreign = (await a.list({}, ctx())).items.find((v) => v.foreign === true);
      expect(foreign?.name).toBe(entry);
      const looked = await a.attach(foreign?.id ?? '', 'a', { ...as('a'), readonly: true }, ctx());
      expect(looked).toMatchObject({ kind: 'file', readonly: true });
      const v = await a.adopt(foreign?.id ?? '', name, spec().record, ctx());
      expect(readFileSync(String(v.status?.path), 'utf8')).toBe(contents);
      expect((await a.list({}, ctx())).items.filter((x) => x.foreign === true)).toEqual([]);
      expect((await a.adopt(foreign?.id ?? '', name, spec().record, ctx())).id).toBe(v.id);
    }
    const kept = readdirSync(dir).filter((n) => existsSync(join(dir, n, 'notes.txt')));
    expect(kept).toHaveLength(2);
  });

  it('of two nodes that adopt one image, one gets it', async () => {
    await a.identity({}, ctx());
    writeFileSync(join(dir, 'x.img'), contents);
    const b = await node(dir, 'b');
    const id = (await a.list({}, ctx())).items[0]?.id ?? '';
    const done = await Promise.all([
      code(a.adopt(id, 'one', spec().record, ctx())),
      code(b.adopt(id, 'two', spec().record, ctx())),
    ]);
    expect(done.filter((c) => c === 'done')).toHaveLength(1);
    const items = (await a.list({}, ctx())).items;
    expect(items.map((v) => v.foreign)).toEqual([undefined]);
    expect(readFileSync(String(items[0]?.status?.path), 'utf8')).toBe(contents);
  });

  it('an image with two names is not adopted', async () => {
    await a.identity({}, ctx());
    writeFileSync(join(dir, 'x.img'), contents);
    linkSync(join(dir, 'x.img'), join(dir, 'y.img'));
    for (const v of (await a.list({}, ctx())).items) {
      expect(await code(a.adopt(v.id, 'new', spec().record, ctx()))).toBe('denied');
    }
  });

  it('files, links and directories of others are neither listed nor taken', async () => {
    await a.identity({}, ctx());
    mkdirSync(join(dir, 'mount-point'));
    writeFileSync(join(dir, 'readme'), 'x');
    symlinkSync('/etc', join(dir, 'link'));
    expect((await a.list({}, ctx())).items).toEqual([]);
    for (const name of ['mount-point', 'readme', 'link']) {
      expect(await code(a.create(name, spec(), ctx()))).toBe('already_exists');
    }
    expect(readdirSync(dir).filter((n) => !n.startsWith('.'))).toEqual(['link', 'mount-point', 'readme']);
  });
});

describe('S9: identity', () => {
  it('a shared directory is never made', async () => {
    const d = new LocalLoopDriver({ volumePath: join(dir, 'absent'), shared: true }, dir);
    await d.whoami(facts('a'), ctx());
    expect(await code(d.identity({}, ctx()))).toBe('unavailable');
    expect(existsSync(join(dir, 'absent'))).toBe(false);
  });

  it('nothing is made where another identity is expected, also by later verbs', async () => {
    const d = new LocalLoopDriver({ volumePath: join(dir, 'absent') }, dir);
    await d.whoami(facts('a'), ctx());
    expect(await code(d.identity({ expected: '6f1c0a52-9a6e-4f0e-8d2a-3c1f7b9e5d44' }, ctx()))).toBe('unavailable');
    expect(await code(d.create('v', spec(), ctx()))).toBe('unavailable');
    expect(await code(d.list({}, ctx()))).toBe('unavailable');
    expect(existsSync(join(dir, 'absent'))).toBe(false);
  });
});

it('a volume that is not whole is named, and does not hide the others', async () => {
  const v = await a.create('broken', spec(), ctx());
  await a.create('whole', spec(), ctx());
  for (const e of readdirSync(join(dir, 'broken'))) {
    if (e.startsWith('record.')) writeFileSync(join(dir, 'broken', e), '{"cut off');
  }
  const fresh = await node(dir, 'a');
  const page = await fresh.list({}, ctx());
  expect(page.items.map((x) => x.name)).toEqual(['whole']);
  expect(page.partial).toContain('broken');
  expect(await code(fresh.get(v.id, ctx()))).toBe('data_loss');
});

it('is defined as a plugin: configuration is checked, unknown keys are named', () => {
  expect(plugin.plugin).toMatchObject({ kind: 'storage', name: 'local-loop' });
  expect(parse(configSchema, { shared: 'true' }, 'local-loop')).toEqual({ shared: true });
  expect(() => parse(configSchema, { volumepath: '/x' }, 'local-loop')).toThrow('volumepath');
});
