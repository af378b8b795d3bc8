import { randomUUID } from 'node:crypto';
import { mkdir, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ctx, emptyRecord, mib, silentLogger, type VolumeSpec } from '@rexray/core';
import { Cleanup, suite, XFS } from '@rexray/rig';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalDirDriver } from '../src/index.ts';

const ctx = (): Ctx => ({
  signal: AbortSignal.timeout(60_000),
  deadline: performance.now() + 60_000,
  requestId: 'test',
  progress: () => undefined,
});
const spec = (sizeBytes = mib(8)): VolumeSpec<object> => ({
  sizeBytes,
  record: emptyRecord({ state: 'none' }),
  params: {},
  asked: ['size'],
});

/** Writes so many MiB. @returns what was written, in MiB */
async function fill(path: string, count: number): Promise<number> {
  const f = await open(path, 'w');
  const block = Buffer.alloc(2 ** 20, 1);
  try {
    for (let n = 0; n < count; n++) await f.write(block);
    await f.sync();
    return count;
  } catch (e) {
    expect(['ENOSPC', 'EDQUOT']).toContain((e as NodeJS.ErrnoException).code);
    return Math.floor((await f.stat()).blocks / 2048);
  } finally {
    await f.close();
  }
}

suite('local-dir on xfs, with project quotas where the kernel has them', {
  root: true,
  loop: true,
  programs: { ...XFS, xfs_quota: 'xfsprogs' },
}, () => {
  let cleanup: Cleanup;
  let mnt: string;
  let d: LocalDirDriver;
  let quotas: boolean;
  const mounted = async (image: string, options: string) =>
    !(await execa('mount', ['-o', options, image, mnt], { reject: false })).failed;
  beforeEach(async () => {
    cleanup = new Cleanup();
    const dir = cleanup.tempDir('rexray-quota-');
    const image = join(dir, 'image');
    mnt = join(dir, 'mnt');
    await mkdir(mnt);
    await (await open(image, 'w')).close();
    await truncate(image, 320 * 2 ** 20);
    await execa('mkfs.xfs', ['-q', image]);
    quotas = await mounted(image, 'loop,prjquota');
    if (!quotas) await mounted(image, 'loop');
    cleanup.add(() => execa('umount', [mnt]));
    d = new LocalDirDriver({ volumePath: mnt }, silentLogger, '/nowhere');
    await d.whoami({ nodeId: randomUUID(), hostname: 'h', bootId: randomUUID(), macs: [] }, ctx());
  });
  afterEach(() => cleanup.run());

  it('tells whether sizes are enforced here', async () => {
    const v = await d.create('data', spec(), ctx());
    expect(d.traits.sizes !== undefined).toBe(quotas);
    expect(v.status).toMatchObject({ sizeEnforced: quotas });
    expect(v.sizeBytes).toBe(mib(8));
  });

  it('enforces the size of a volume, of its clone, and what it was expanded to', async (t) => {
    if (!quotas) t.skip('this kernel was built without project quotas (CONFIG_XFS_QUOTA)');
    const v = await d.create('data', spec(), ctx());
    expect(await fill(join(mnt, 'data', 'f'), 20)).toBeLessThanOrEqual(8);
    await d.expand(v.id, mib(16), ctx());
    const now = await fill(join(mnt, 'data', 'f'), 20);
    expect(now).toBeGreaterThan(8);
    expect(now).toBeLessThanOrEqual(16);
    await fill(join(mnt, 'data', 'f'), 2);
    await d.clone(v.id, 'copy', { ...spec(), sizeBytes: mib(16) }, ctx());
    expect(await fill(join(mnt, 'copy', 'g'), 20)).toBeLessThanOrEqual(14);
    expect(await fill(join(mnt, 'data', 'g'), 4)).toBe(4);
  });
});
