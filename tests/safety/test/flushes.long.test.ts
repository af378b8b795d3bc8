/** What was acknowledged is on the disk when the power goes. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, emptyRecord, MIB } from '@rexray/core';
import { LocalLoopDriver } from '@rexray/driver-local-loop';
import { Cleanup, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('flushes', { root: true, loop: true, programs: { ...XFS, xfs_io: 'xfsprogs' } }, () => {
  it('S1: what was acknowledged is there after a power cut, with its whole content', async () => {
    const dir = cleanup.tempDir('rexray-flush-');
    const [disk, at] = [join(dir, 'disk'), join(dir, 'mnt')];
    mkdirSync(at);
    run('truncate', '-s', '320M', disk);
    run('mkfs.xfs', '-q', disk);
    run('mount', '-o', 'loop', disk, at);
    cleanup.add(() => run('umount', at));
    const images = join(at, 'images');
    const ctx = {
      signal: new AbortController().signal,
      deadline: performance.now() + 60_000,
      requestId: 'flush',
      progress: () => undefined,
    };
    const driver = new LocalLoopDriver({ volumePath: images, shared: false }, '/nonexistent');
    await driver.whoami({ nodeId: 'n', bootId: 'b', hostname: 'n', macs: [] }, ctx);
    await driver.identity({}, ctx);
    const record = { ...emptyRecord({ state: 'blank', fsType: 'ext4' }), labels: { kept: 'yes' } };
    const made = await driver.create('data', { sizeBytes: bytes(4 * MIB), record, params: {}, asked: [] }, ctx);
    await driver.mark(made.id, { labels: { kept: 'marked' } }, { ifRevision: made.record.revision }, ctx);
    run('xfs_io', '-x', '-c', 'shutdown', at);
    run('umount', at);
    run('mount', '-o', 'loop', disk, at);
    const records = readdirSync(join(images, 'data')).filter((e) => e.startsWith('record.'));
    expect(existsSync(join(images, 'data/image'))).toBe(true);
    const texts = records.map((r) => readFileSync(join(images, 'data', r), 'utf8'));
    expect(texts.at(-1)).toContain('"kept":"marked"');
  });
});
