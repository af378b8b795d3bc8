import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isVolumeError, type Logger, silentLogger } from '@rexray/core';
import * as kernel from '@rexray/kernel';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeContract } from '../../core/test/store-contract.ts';
import lmdb, { LmdbStore } from '../src/index.ts';
import { remoteKind } from '../src/place.ts';
import { openLmdb } from '../src/setup.ts';
import { encode, LAYOUT_KEY } from '../src/value.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const opened = (dir: string, log: Logger = silentLogger): LmdbStore => {
  const store = new LmdbStore({ dir }, kernel, log);
  cleanup.add(() => store.close());
  return store;
};

storeContract('lmdb', async () => opened(join(cleanup.tempDir(), 'state')));

describe('the lmdb store', () => {
  let dir: string;
  beforeEach(() => {
    dir = join(cleanup.tempDir(), 'lib', 'state');
  });

  it('is a plugin of kind store', () => {
    expect(lmdb.plugin).toMatchObject({ kind: 'store', name: 'lmdb', api: 1 });
  });

  it('makes its directory 0700, closes one that others may read, and touches nothing until used', async () => {
    const store = opened(dir);
    expect(statSync(dir, { throwIfNoEntry: false })).toBeUndefined();
    await store.get('a');
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    const open = join(cleanup.tempDir(), 'open');
    mkdirSync(open, { mode: 0o755 });
    await opened(open).get('a');
    expect(statSync(open).mode & 0o777).toBe(0o700);
  });

  it('is still there after closing; two stores of one process share it', async () => {
    const one = opened(dir);
    const two = opened(dir);
    await one.commit([{ put: 'a', value: 1 }]);
    expect(await two.get('a')).toBe(1);
    await one.close();
    await two.commit([{ put: 'a', value: 2 }]);
    expect(await two.get('a')).toBe(2);
    await two.close();
    expect(await opened(dir).get('a')).toBe(2);
  });

  it('S4: no child inherits its descriptors', async () => {
    const store = opened(dir);
    await store.commit([{ put: 'a', value: 1 }]);
    const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
    expect(stdout).not.toContain('.mdb');
    expect(stdout).toContain('/proc');
  });

  it('has a control: without close-on-exec a child does inherit the data file', async () => {
    const store = new LmdbStore({ dir }, { setCloexec: () => undefined, tryLock: kernel.tryLock }, silentLogger);
    cleanup.add(() => store.close());
    await store.commit([{ put: 'a', value: 1 }]);
    const { stdout } = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
    expect(stdout).toContain('data.mdb');
  });

  it('opens once for many first verbs, and leaves no half-made state', async () => {
    const stores = Array.from({ length: 8 }, () => opened(dir));
    await Promise.all(stores.map((s, i) => s.commit([{ put: `k${i}`, value: i }])));
    expect(await stores[0]?.list('k')).toHaveLength(8);
    expect(readdirSync(dir).sort()).toEqual(['lmdb', 'setup.lock']);
  });

  it('removes what a killed maker left', async () => {
    mkdirSync(join(dir, 'new-dead'), { recursive: true });
    await opened(dir).get('a');
    expect(readdirSync(dir)).not.toContain('new-dead');
  });

  it('names the file and the reason when the directory cannot be made', async () => {
    const file = join(cleanup.tempDir(), 'file');
    writeFileSync(file, 'x');
    await expect(opened(join(file, 'state')).get('a')).rejects.toThrow(/node state in .*file.*ENOTDIR/);
  });

  it('S15: knows the network and user-space file systems by their magic numbers', () => {
    expect([0x6969, 0xff534d42, 0x65735546, 0x01021997, 0x00c36400].map(remoteKind)).toEqual([
      'nfs',
      'cifs',
      'fuse',
      '9p',
      'ceph',
    ]);
    expect([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630].map(remoteKind)).toEqual(Array(5).fill(undefined));
  });

  it('reads fast', async () => {
    const store = opened(dir);
    await store.commit([
      { put: 'a', value: { service: 'local', holders: { 'engine:1': { count: 1, since: '2026' } } } },
    ]);
    const begin = performance.now();
    for (let i = 0; i < 5_000; i++) await store.get('a');
    // 3 to 6 µs on an idle machine; the bound only catches an order of magnitude.
    expect((performance.now() - begin) / 5_000).toBeLessThan(0.06);
  });

  it('closing waits for the commits that were made', async () => {
    const store = opened(dir);
    const commits = Array.from({ length: 100 }, (_, i) => store.commit([{ put: `k${i}`, value: i }]));
    await store.close();
    expect((await Promise.all(commits)).every(Boolean)).toBe(true);
    expect(await opened(dir).list('k')).toHaveLength(100);
  });

  it('refuses a layout of a newer version, and touches nothing', async () => {
    const store = opened(dir);
    await store.commit([{ put: 'a', value: 1 }]);
    await store.close();
    const db = openLmdb(join(dir, 'lmdb'));
    db.transactionSync(() => {
      db.put(LAYOUT_KEY, encode(LAYOUT_KEY, '2'));
    });
    await db.close();
    await expect(opened(dir).get('a')).rejects.toSatisfy(
      (e: unknown) => isVolumeError(e, 'unsupported') && e.text.includes('upgrade'),
    );
    expect(readdirSync(dir).sort()).toEqual(['lmdb', 'setup.lock']);
  });
});
