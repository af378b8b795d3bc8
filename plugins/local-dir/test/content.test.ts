import { randomUUID } from 'node:crypto';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytes, type Ctx, emptyRecord, isVolumeError, mib, silentLogger, type VolumeSpec } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalDirDriver } from '../src/index.ts';
import { shortHash } from '../src/layout.ts';

const ctx = (): Ctx => ({
  signal: AbortSignal.timeout(30_000),
  deadline: performance.now() + 30_000,
  requestId: 'test',
  progress: () => undefined,
});
const facts = { nodeId: randomUUID(), hostname: 'h', bootId: randomUUID(), macs: [] };
const spec = (sizeBytes = mib(1)): VolumeSpec<object> => ({
  sizeBytes,
  record: emptyRecord({ state: 'none' }),
  params: {},
  asked: ['size'],
});

let cleanup: Cleanup;
let root: string;
let d: LocalDirDriver;
beforeEach(async () => {
  cleanup = new Cleanup();
  root = cleanup.tempDir('rexray-local-dir-');
  d = new LocalDirDriver({ volumePath: root }, silentLogger, '/nowhere');
  await d.whoami(facts, ctx());
});
afterEach(() => cleanup.run());

const make = async (name: string) => {
  const v = await d.create(name, spec(), ctx());
  return { ...v, dir: join(root, name) };
};

describe('copies of a directory', () => {
  it('keep mode, times, hard links, symbolic links and holes', async () => {
    const { id, dir } = await make('data');
    await writeFile(join(dir, 'a'), 'text', { mode: 0o640 });
    await utimes(join(dir, 'a'), 1_000_000, 1_000_000);
    await link(join(dir, 'a'), join(dir, 'b'));
    await symlink('/etc/hostname', join(dir, 'out'));
    const sparse = await open(join(dir, 'sparse'), 'w');
    await sparse.truncate(64 * 2 ** 20);
    await sparse.close();
    await d.clone(id, 'copy', spec(), ctx());
    const copy = join(root, 'copy');
    const [a, b, s] = [await stat(join(copy, 'a')), await stat(join(copy, 'b')), await stat(join(copy, 'sparse'))];
    expect([a.mode & 0o777, a.mtimeMs, a.nlink, a.ino === b.ino]).toEqual([0o640, 1_000_000_000, 2, true]);
    expect([s.size, s.blocks]).toEqual([64 * 2 ** 20, 0]);
    expect(await readlink(join(copy, 'out'))).toBe('/etc/hostname');
  });

  it.runIf(process.getuid?.() === 0)('keep owners and extended attributes', async () => {
    const { id, dir } = await make('data');
    await writeFile(join(dir, 'a'), '');
    await execa('chown', ['1234:2345', join(dir, 'a')]);
    await execa('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.k", b"v")', join(dir, 'a')]);
    await d.snapshots.create(id, 'snap', { consistency: 'clean' }, ctx());
    const a = join(root, '.snapshots/snap/data/a');
    expect([(await stat(a)).uid, (await stat(a)).gid]).toEqual([1234, 2345]);
    const read = ['-c', 'import os,sys; print(os.getxattr(sys.argv[1], "user.k").decode())', a];
    expect((await execa('python3', read)).stdout).toBe('v');
  });

  it('a copy that is aborted leaves no name and no half of it', async () => {
    const { id, dir } = await make('data');
    for (let n = 0; n < 300; n++) await writeFile(join(dir, `f${n}`), 'x'.repeat(20_000));
    const gone = new AbortController();
    const cloning = d.clone(id, 'copy', spec(), { ...ctx(), signal: gone.signal });
    setTimeout(() => gone.abort(), 5);
    await cloning.then(
      () => undefined,
      () => undefined,
    );
    if ((await d.find('copy', ctx())) === undefined)
      expect(await readdir(root)).toEqual(expect.not.arrayContaining(['copy']));
    else expect(await readdir(join(root, 'copy'))).toHaveLength(300);
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  });
});

describe('S20: links in and around volumes', () => {
  it('removing a volume removes a link out of it, not what it points to', async () => {
    const outside = cleanup.tempDir('rexray-outside-');
    await writeFile(join(outside, 'precious'), 'kept');
    const { id, dir } = await make('data');
    await symlink(outside, join(dir, 'out'));
    await d.remove(id, ctx());
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('kept');
    await expect(lstat(dir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a volume whose directory was replaced by a link is not attached, cloned or followed by remove', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'rexray-outside-'));
    cleanup.add(() => rm(outside, { recursive: true, force: true }));
    await writeFile(join(outside, 'precious'), 'kept');
    const { id, dir } = await make('data');
    await rename(dir, join(root, '.was'));
    await symlink(outside, dir);
    const attach = d.attach(id, 'n', { force: false, readonly: false, bootId: 'b' }, ctx());
    await expect(attach).rejects.toSatisfy((e) => isVolumeError(e, 'data_loss'));
    await expect(d.clone(id, 'copy', spec(), ctx())).rejects.toSatisfy((e) => isVolumeError(e, 'data_loss'));
    await d.remove(id, ctx());
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('kept');
    expect((await lstat(dir)).isSymbolicLink()).toBe(true);
  });

  it('a link or a file below the root is no volume, and its name is not taken', async () => {
    await d.identity({}, ctx());
    await symlink('/etc', join(root, 'etc'));
    await writeFile(join(root, 'file'), 'theirs');
    expect((await d.list({}, ctx())).items).toEqual([]);
    for (const name of ['etc', 'file']) {
      await expect(d.create(name, spec(), ctx())).rejects.toSatisfy((e) => isVolumeError(e, 'already_exists'));
    }
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('theirs');
    expect(await readdir(join(root, '.rexray'))).toEqual([]);
  });
});

describe('S12: what a dead process left', () => {
  const dead = [shortHash(facts.nodeId), shortHash('an earlier boot'), '1', '1', '1'].join('-');
  const leave = async (name: string, mark: 'making' | 'removing', what: object): Promise<void> => {
    await mkdir(join(root, '.rexray', name), { recursive: true });
    const record = { sizeBytes: 1, createdAt: '', nonce: 'n', record: emptyRecord({ state: 'none' }) };
    await writeFile(join(root, '.rexray', name, 'id.0123456789ab'), '');
    await writeFile(join(root, '.rexray', name, 'record.1'), JSON.stringify(record));
    await writeFile(join(root, '.rexray', name, mark), JSON.stringify({ token: dead, ...what }));
  };
  const inode = async (path: string) => String((await stat(path)).ino);

  it('a clone that had got its content is finished, not thrown away', async () => {
    await d.identity({}, ctx());
    await mkdir(join(root, 'copy'));
    await writeFile(join(root, 'copy', 'f'), 'kept');
    await leave('copy', 'making', { from: `.tmp/${dead}-x`, ino: await inode(join(root, 'copy')) });
    expect(await d.find('copy', ctx())).toBeUndefined();
    await d.sweep(facts.nodeId, facts.bootId, ctx());
    expect((await d.find('copy', ctx()))?.name).toBe('copy');
    expect(await readFile(join(root, 'copy', 'f'), 'utf8')).toBe('kept');
  });

  it('an adoption that had only taken the name gives it back, and the directory stays where it was', async () => {
    await d.identity({}, ctx());
    await mkdir(join(root, 'theirs'));
    await writeFile(join(root, 'theirs', 'f'), 'kept');
    await mkdir(join(root, 'ours'));
    await leave('ours', 'making', { from: 'theirs', ino: await inode(join(root, 'theirs')) });
    expect(await d.sweep(facts.nodeId, facts.bootId, ctx())).toEqual(['ours']);
    expect(await readFile(join(root, 'theirs', 'f'), 'utf8')).toBe('kept');
    expect((await d.list({}, ctx())).items.map((v) => [v.name, v.foreign])).toEqual([['theirs', true]]);
  });

  it('a removal is finished; a directory that somebody made there since then is not touched', async () => {
    await d.identity({}, ctx());
    await mkdir(join(root, 'gone'));
    await writeFile(join(root, 'gone', 'f'), 'someone else’s');
    await leave('gone', 'removing', { ino: '1' });
    expect(await d.find('gone', ctx())).toBeUndefined();
    expect(await d.sweep(facts.nodeId, facts.bootId, ctx())).toEqual(['gone']);
    expect(await readFile(join(root, 'gone', 'f'), 'utf8')).toBe('someone else’s');
  });

  it('create ends what a dead process left of its name; what a living one makes is busy', async () => {
    await d.identity({}, ctx());
    await leave('data', 'making', {});
    const v = await d.create('data', spec(), ctx());
    expect(v.id).not.toContain('0123456789ab');
    await leave('other', 'making', { token: [shortHash('another node'), 'x', '1', '1', '1'].join('-') });
    await expect(d.create('other', spec(), ctx())).rejects.toSatisfy((e) => isVolumeError(e, 'busy'));
  });
});

describe('adopt', () => {
  it('takes a directory under another name as it is, and under its own without moving it', async () => {
    await d.identity({}, ctx());
    for (const name of ['one', 'two']) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, 'f'), name);
    }
    const [one, two] = (await d.list({}, ctx())).items;
    const record = emptyRecord({ state: 'none' });
    await d.adopt(one?.id ?? '', 'one', record, ctx());
    await d.adopt(two?.id ?? '', 'zwei', record, ctx());
    expect(await readFile(join(root, 'one', 'f'), 'utf8')).toBe('one');
    expect(await readFile(join(root, 'zwei', 'f'), 'utf8')).toBe('two');
    expect((await d.list({}, ctx())).items.map((v) => [v.name, v.foreign ?? false, v.sizeBytes])).toEqual([
      ['one', false, bytes(0)],
      ['zwei', false, bytes(0)],
    ]);
  });
});
