/** Loop devices of somebody else: over a disk that failed, over a share that no longer answers. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BINDFS, Cleanup, EXT4, share, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { loopsBelow, mountsBelow } from '../src/audit.ts';
import { openPlace } from '../src/open.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('shares of others', { root: true, loop: true, programs: { ...EXT4, ...BINDFS } }, () => {
  it('S7, S15: a loop device over a share that no longer answers costs nobody else their volumes', async () => {
    const dir = cleanup.tempDir('rexray-silent-');
    run('truncate', '-s', '16M', join(dir, 'theirs'));
    const silent = await share(cleanup, dir);
    const theirs = run('losetup', '--find', '--show', join(silent.path, 'theirs'));
    cleanup.add(() => {
      silent.heal();
      run('losetup', '--detach', theirs);
    });
    silent.cut(60_000);
    const began = performance.now();
    const home = cleanup.tempDir('rexray-other-');
    const p = await openPlace({ home });
    cleanup.add(() => p.rex.close());
    await p.volumes.create('data', { size: '32MiB' });
    await p.volumes.mount('data', { holder: 'cli' });
    await p.volumes.unmount('data', { holder: 'cli' });
    await p.volumes.remove('data');
    expect(performance.now() - began).toBeLessThan(45_000);
    expect([...mountsBelow(home), ...loopsBelow(home)]).toEqual([]);
  });
});

suite('disks of others', { root: true, loop: true, programs: { ...XFS, ...EXT4, xfs_io: 'xfsprogs' } }, () => {
  it('S7: a loop device over a disk that failed costs nobody else their volumes', async () => {
    const dir = cleanup.tempDir('rexray-failed-');
    const [disk, at] = [join(dir, 'disk'), join(dir, 'mnt')];
    mkdirSync(at);
    run('truncate', '-s', '320M', disk);
    run('mkfs.xfs', '-q', disk);
    run('mount', '-o', 'loop', disk, at);
    cleanup.add(() => run('umount', at));
    run('truncate', '-s', '16M', join(at, 'theirs'));
    const theirs = run('losetup', '--find', '--show', join(at, 'theirs'));
    cleanup.add(() => run('losetup', '--detach', theirs));
    run('xfs_io', '-x', '-c', 'shutdown', at);
    const home = cleanup.tempDir('rexray-other-');
    const p = await openPlace({ home });
    cleanup.add(() => p.rex.close());
    await p.volumes.create('data', { size: '32MiB' });
    await p.volumes.mount('data', { holder: 'cli' });
    await p.volumes.unmount('data', { holder: 'cli' });
    await p.volumes.remove('data');
    expect([...mountsBelow(home), ...loopsBelow(home)]).toEqual([]);
  });
});
