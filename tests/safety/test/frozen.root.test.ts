import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { leaks } from '../src/audit.ts';
import { openPlace } from '../src/open.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Pids whose command line has all of these words. */
const processes = (...words: readonly string[]): readonly number[] =>
  readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return words.every((w) => line.includes(w)) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });

suite('S16: who thaws', { root: true, loop: true, programs: { ...EXT4, fsfreeze: 'util-linux' } }, () => {
  it('a copy whose freeze watcher is killed fails, and the volume can be written to again', async () => {
    const p = await openPlace({ home: cleanup.tempDir('rexray-frozen-') });
    cleanup.add(() => p.rex.close());
    const s = p.volumes;
    await s.create('v', { size: '32MiB' });
    const m = await s.mount('v', { holder: 'cli' });
    cleanup.add(() => s.unmount('v', { holder: 'cli', all: true }));
    // Whatever goes wrong below, nothing stays frozen.
    cleanup.add(() => spawnSync('fsfreeze', ['--unfreeze', m.root]));
    let killed = 0;
    p.rex.events.on('op.step', (e) => {
      if (killed > 0 || e.step !== 'clone' || e.phase !== 'begin') return;
      for (const pid of processes('rexray-freeze', m.root)) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
    });
    await expect(s.clone('v', 'copy')).rejects.toMatchObject({ code: 'timeout' });
    expect(killed).toBe(1);
    // By a process of its own, not waited for: into a frozen file system a write does not return, not even when killed.
    const file = join(m.path, 'alive');
    let ended = false;
    spawn('sh', ['-c', 'echo alive > "$1"', 'sh', file], { stdio: 'ignore' }).once('exit', () => {
      ended = true;
    });
    await expect.poll(() => ended, { timeout: 5_000 }).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe('alive\n');
    expect((await s.list()).items.map((v) => v.name)).toEqual(['v']);
    expect(await leaks(p)).toEqual([]);
    await s.clone('v', 'copy');
    await s.remove('copy');
  });
});
