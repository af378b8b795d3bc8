/** Loop devices of somebody else: over a disk that failed, over a share that no longer answers. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it, vi } from 'vitest';
import { loopsBelow, mountsBelow } from '../src/audit.ts';
import { openPlace } from '../src/open.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('shares of others', { root: true, loop: true, programs: { ...EXT4, bindfs: 'bindfs' } }, () => {
  it('S7, S15: a loop device over a share that no longer answers costs nobody else their volumes', async () => {
    const dir = cleanup.tempDir('rexray-silent-');
    const [below, at] = [join(dir, 'below'), join(dir, 'share')];
    for (const d of [below, at]) mkdirSync(d);
    run('truncate', '-s', '16M', join(below, 'theirs'));
    const fuse = spawn('bindfs', ['-f', '-o', 'attr_timeout=0', below, at], { stdio: 'ignore' });
    const ended = new Promise((done) => fuse.once('exit', done));
    // Whoever waits for the share waits in the kernel, where no time limit of a test reaches: it goes on by itself.
    const watch = spawn('sh', ['-c', `sleep 60; kill -CONT ${fuse.pid}`], { stdio: 'ignore' });
    cleanup.add(async () => {
      watch.kill();
      fuse.kill('SIGCONT');
      run('umount', '-l', at);
      fuse.kill();
      await ended;
    });
    await vi.waitFor(() => expect(existsSync(join(at, 'theirs'))).toBe(true), { timeout: 30_000 });
    const theirs = run('losetup', '--find', '--show', join(at, 'theirs'));
    cleanup.add(() => {
      fuse.kill('SIGCONT');
      run('losetup', '--detach', theirs);
    });
    fuse.kill('SIGSTOP');
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
