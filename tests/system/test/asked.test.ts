import { type CreateOptions, type Integration, isVolumeError, MemoryStore } from '@rexray/core';
import memory, { MemoryBackend } from '@rexray/driver-memory';
import { openRexray } from '@rexray/runtime';
import { type TestOptions, type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const ends: (() => Promise<void>)[] = [];
async function rexray(o: TestOptions = {}): Promise<TestRexray> {
  const r = await testRexray(o);
  ends.push(() => r.close());
  return r;
}
/** Memory for storage, and this machine's own tables of options. */
async function ofThisHost(): Promise<Integration> {
  const rex = await openRexray({
    home: '/tmp/rexray-asked',
    services: { m: memory({ fencing: 'none' }) },
    store: new MemoryStore(),
    watch: false,
  });
  ends.push(() => rex.close());
  return rex.service('m').integration as Integration;
}
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

describe('S21: what the first mount would refuse is refused by the create', () => {
  it.each<[string, CreateOptions]>([
    ['a mount option that is not allowed', { mountOptions: ['logdev=/dev/sda'] }],
    ['a mount option of another file system', { fsType: 'ext4', mountOptions: ['inode64'] }],
    ['mount options that are no strings', { mountOptions: [1 as never] }],
    ['an mkfs option that is not allowed', { mkfs: { d: '/etc' } }],
    ['a value that mkfs does not take', { mkfs: { label: 'x'.repeat(60) } }],
    ['an owner that is no number', { owner: { uid: 'root' as never } }],
    ['a mode that is none', { owner: { mode: 0o100000 } }],
    ['a read-only volume that could never be formatted', { readOnly: true }],
  ])('%s', async (_, o) => {
    const s = await ofThisHost();
    expect(await codeOf(s.create('data', { size: '1GiB', ...o }))).toBe('invalid');
    expect((await s.list()).items).toEqual([]);
    expect((await s.plan('create', 'data', { size: '1GiB', ...o })).forbidden[0]?.code).toBe('invalid');
  });

  it('and a mount with bad options touches nothing', async () => {
    const s = await ofThisHost();
    await s.create('data', { size: '1GiB', mountOptions: ['noatime'], mkfs: { label: 'ok' } });
    expect(await codeOf(s.mount('data', { holder: 'cli', mountOptions: ['suid=1'] }))).toBe('invalid');
    expect((await s.get('data')).attachments).toEqual([]);
  });
});

describe('a second holder', () => {
  it.each([
    ['other mount options', { mountOptions: ['noexec'], subdir: undefined }],
    ['another sub-directory', { subdir: '/other' }],
  ])('that asks for %s is refused, and gets what it asked for once the others have unmounted', async (_, o) => {
    const s = (await rexray()).integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'engine:a' });
    expect(await codeOf(s.mount('data', { holder: 'engine:b', ...o }))).toBe('already_exists');
    await s.unmount('data', { holder: 'engine:a' });
    const m = await s.mount('data', { holder: 'engine:b', ...o });
    expect(m.path).toBe(`/volumes/data${o.subdir ?? '/data'}`);
    expect((await s.mount('data', { holder: 'engine:c', ...o })).path).toBe(m.path);
    expect((await s.mount('data', { holder: 'engine:d' })).path).toBe(m.path);
  });

  it('S19: may be called like a member of every object', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'cli' });
    await s.unmount('data', { holder: 'constructor' });
    expect((await s.holders.list()).map((h) => [h.holder, h.count])).toEqual([['cli', 1]]);
    await s.mount('data', { holder: 'constructor' });
    await s.unmount('data', { holder: 'constructor' });
    await s.unmount('data', { holder: 'cli' });
    expect(await r.leaks()).toEqual([]);
  });

  it('that never mounted is not said to have unmounted', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'engine:a' });
    const said: string[] = [];
    r.events.on('volume.unmounted', (e) => said.push(e.holder));
    await s.unmount('data', { holder: 'engine:b' });
    await s.unmount('data', { holder: 'engine:a' });
    expect(said).toEqual(['engine:a']);
  });
});

describe('a copy', () => {
  it('has what its source has, but for what was asked', async () => {
    const s = (await rexray()).integration;
    const owner = { uid: 7, mode: 0o750 };
    await s.create('data', { size: '1GiB', owner, hints: { iops: 5, type: 'io1' }, labels: { a: '1' } });
    const copy = await s.clone('data', 'copy', { hints: { iops: 9 }, labels: { b: '2' } });
    expect([copy.hints, copy.labels]).toEqual([
      { iops: 9, type: 'io1' },
      { a: '1', b: '2' },
    ]);
  });

  it('keeps the owner of a source that was never mounted', async () => {
    const backend = new MemoryBackend();
    const r = await rexray({ backend });
    await r.integration.create('data', { size: '1GiB', owner: { uid: 7 } });
    await r.integration.clone('data', 'copy');
    await r.integration.mount('copy', { holder: 'cli' });
    const v = [...backend.volumes.values()].find((x) => x.name === 'copy');
    expect(v?.disk.content.fs?.dirs['/data']?.uid).toBe(7);
  });

  it.each([
    ['another file system', { fsType: 'xfs' as const }, 'invalid'],
    ['options of mkfs', { mkfs: { label: 'x' } }, 'invalid'],
    ['less than its source', { size: '512MiB' as const }, 'out_of_range'],
    ['encryption', { encrypted: true }, 'unsupported'],
  ])('that asks for %s is refused, by clone, restore and create', async (_, o, code) => {
    const s = (await rexray()).integration;
    await s.create('data', { size: '1GiB', fsType: 'ext4' });
    await s.mount('data', { holder: 'cli' });
    await s.unmount('data', { holder: 'cli' });
    await s.snapshots.create('data', 'snap');
    expect(await codeOf(s.clone('data', 'copy', o))).toBe(code);
    expect(await codeOf(s.snapshots.restore('snap', 'copy', o))).toBe(code);
    expect(await codeOf(s.create('copy', { from: { volume: 'data' }, ...o }))).toBe(code);
    expect((await s.list()).items.map((v) => v.name)).toEqual(['data']);
  });

  it('that exists is compared like any existing volume, also when its source is gone', async () => {
    const s = (await rexray()).integration;
    await s.create('data', { size: '1GiB', fsType: 'ext4' });
    await s.create('copy', { from: { volume: 'data' } });
    await s.remove('data');
    const again = await s.create('copy', { from: { volume: 'data' }, fsType: 'xfs' });
    expect(again.notes.join()).toContain('fsType xfs was asked for');
    expect(await codeOf(s.create('copy', { from: { volume: 'data' }, size: '2GiB' }))).toBe('already_exists');
  });
});
