import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Cleanup, suite } from '@rexray/rig';
import { afterEach, expect, test } from 'vitest';
import { WATCHER } from '../src/fs/freeze.ts';
import { freeze, thawLeftover } from '../src/fs/index.ts';
import { mkfs, PROGRAMS, sparse, tools } from './fs-images.ts';
import { loops } from './fs-loops.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const { attach, mount } = loops(cleanup);

suite('S16: freezing', { root: true, loop: true, programs: { ...PROGRAMS, fsfreeze: 'util-linux' } }, () => {
  const mounted = (): { target: string; dir: string } => {
    const dir = cleanup.tempDir();
    const target = mount(attach(mkfs(sparse(dir, 'freeze.img', 64), 'ext4')), dir);
    cleanup.add(() => tools.run('fsfreeze', ['--unfreeze', target], { timeoutMs: 5000 }));
    return { target, dir };
  };
  /** A writer of its own: blocked in the kernel it would take this process along. */
  const writer = (target: string): { done: Promise<unknown>; ended: () => boolean } => {
    const child = spawn('sh', ['-c', `echo x > "$0/written"`, target], { stdio: 'ignore' });
    return { done: once(child, 'exit'), ended: () => child.exitCode !== null };
  };

  test('writes wait until the thaw, nobody can unmount meanwhile, and it held', async () => {
    const { target } = mounted();
    const frozen = await freeze(target, { maxMs: 5000 });
    const w = writer(target);
    await delay(150);
    expect(w.ended()).toBe(false);
    expect((await tools.run('umount', [target], { timeoutMs: 5000 })).stderr).toMatch(/busy/);
    await expect(freeze(target, { maxMs: 5000 })).rejects.toMatchObject({ code: 'busy' });
    expect(w.ended()).toBe(false);
    expect(await frozen.thaw()).toEqual({ held: true });
    await w.done;
    expect(readFileSync(join(target, 'written'), 'utf8')).toBe('x\n');
    expect(await frozen.thaw()).toEqual({ held: true });
  });

  test('after its time it thaws by itself, and says that it did not hold', async () => {
    const { target } = mounted();
    const frozen = await freeze(target, { maxMs: 200 });
    await writer(target).done;
    expect(await frozen.thaw()).toEqual({ held: false });
  });

  test('somebody else thawed it: it did not hold', async () => {
    const { target } = mounted();
    const frozen = await freeze(target, { maxMs: 5000 });
    expect(await thawLeftover(target, tools)).toBe(true);
    expect(await frozen.thaw()).toEqual({ held: false });
    expect(await thawLeftover(target, tools)).toBe(false);
  });

  test('SIGKILL of the process that froze it thaws it', async () => {
    const { target } = mounted();
    const node = fileURLToPath(new URL('../../../tests/runtimes/node_modules/.bin/node', import.meta.url));
    const script = fileURLToPath(new URL('./fs-freeze-parent.ts', import.meta.url));
    const parent = spawn(node, ['--conditions=@rexray/source', script, target, '60000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanup.add(() => parent.kill('SIGKILL'));
    await once(parent.stdout, 'data');
    const w = writer(target);
    await delay(100);
    expect(w.ended()).toBe(false);
    const started = performance.now();
    parent.kill('SIGKILL');
    await w.done;
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('the process that froze it died before it could be told: thawed all the same', async () => {
    const { target } = mounted();
    const watcher = spawn('sh', ['-c', WATCHER, 'rexray-freeze', target, '60'], { stdio: ['pipe', 'pipe', 'inherit'] });
    watcher.stdout.destroy();
    watcher.stdin.end();
    await once(watcher, 'exit');
    await writer(target).done;
    expect(await thawLeftover(target, tools)).toBe(false);
  });

  test('what cannot be frozen is unsupported; what is not there is not found', async () => {
    await expect(freeze('/proc', { maxMs: 1000 })).rejects.toMatchObject({ code: 'unsupported' });
    const gone = join(cleanup.tempDir(), 'gone');
    await expect(freeze(gone, { maxMs: 1000 })).rejects.toMatchObject({ code: 'not_found' });
  });
});
