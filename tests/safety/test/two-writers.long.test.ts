/** Two nodes that want one volume: stopped, killed, cut off, on slow disks, with clocks that jump; no block from two epochs at once. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { BINDFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { answer, assertOneWriter, directory, hunt, journal } from './hunt.ts';
import { partitions } from './partition.ts';
import { slowStorm, storm } from './writers.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const ROUNDS = Number(process.env.SAFETY_ROUNDS ?? 60);
const SEED = Number(process.env.SAFETY_SEED ?? 1);

suite('S5, S10, S11: two writers', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...XFS, ...EXT4, ...BINDFS },
}, () => {
  it(`stopped, storming, dying nodes with clocks that jump, ${ROUNDS} times`, { timeout: 3_600_000 }, () =>
    storm(cleanup, ROUNDS, SEED),
  );

  it(`the same on a slow disk that stalls, ${ROUNDS} times`, { timeout: 3_600_000 }, () =>
    slowStorm(cleanup, ROUNDS, SEED),
  );

  it(`nodes that are cut off from the directory, ${ROUNDS} times`, { timeout: 3_600_000 }, () =>
    partitions(cleanup, ROUNDS, SEED),
  );

  it('without a fence nobody takes it from the owner, however often they ask', async () => {
    const h = hunt(cleanup, directory(cleanup, 'ext4'));
    const [a, b] = h.nodes;
    await a.process.call('create', { size: '64MiB' });
    const m = await a.process.call<{ path: string }>('mount', false);
    for (let i = 0; i < 10; i++) {
      if (i === 4) a.process.child.kill('SIGSTOP');
      expect(['in_use', 'denied', 'busy']).toContain(await answer(b.process.call('mount', true)));
    }
    a.process.child.kill('SIGCONT');
    const lines = journal(join(`/proc/${a.process.child.pid}/root`, m.path, 'journal'));
    assertOneWriter(lines);
    expect(new Set(lines.map((l) => l.node))).toEqual(new Set(['node-a']));
  });

  it('S6: a container that keeps the mount in a namespace of its own keeps the volume from everybody else', async () => {
    const h = hunt(cleanup, directory(cleanup, 'ext4'));
    const [a, b] = h.nodes;
    await a.process.call('create', { size: '64MiB' });
    const m = await a.process.call<{ path: string }>('mount', false);
    const script = `cd '${m.path}' && while :; do echo container >> theirs; sync theirs; sleep 0.01; done`;
    const container = spawn(
      'nsenter',
      ['-t', String(a.process.child.pid), '-m', 'unshare', '--mount', '--propagation', 'private', 'sh', '-c', script],
      { stdio: 'ignore', detached: true },
    );
    const gone = new Promise((resolve) => container.once('exit', resolve));
    const end = (): void => {
      try {
        process.kill(-(container.pid ?? 0), 'SIGKILL');
      } catch {}
    };
    cleanup.add(end);
    const theirs = join(`/proc/${a.process.child.pid}/root`, m.path, 'theirs');
    await expect
      .poll(() => journal(theirs).length, { timeout: 10_000 })
      .toBeGreaterThan(2)
      .catch(() => undefined);
    expect(await answer(a.process.call('unmount'))).toBe('in_use');
    expect(await answer(b.process.call('mount', false))).toBe('in_use');
    expect(['in_use', 'denied']).toContain(await answer(b.process.call('mount', true)));
    end();
    await gone;
    await expect.poll(() => answer(a.process.call('unmount')), { timeout: 10_000, interval: 100 }).toBe('ok');
    const n = await b.process.call<{ path: string }>('mount', false);
    expect(journal(join(`/proc/${b.process.child.pid}/root`, n.path, 'theirs')).length).toBeGreaterThan(2);
    assertOneWriter(journal(join(`/proc/${b.process.child.pid}/root`, n.path, 'journal')));
  });
});
