import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cleanup, EXT4, mountedFileSystem, NodeProcess, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../src/node-main.ts', import.meta.url));
const cleanup = new Cleanup();
afterEach(() => cleanup.run());

type Mount = { path: string; root: string; device: string; notes: string[] };

function node(
  shared: string,
  nodeId: string,
  o: { home?: string; preempt?: boolean } = {},
): NodeProcess & { home: string } {
  const home = o.home ?? cleanup.tempDir(`rexray-${nodeId}-`);
  const n = new NodeProcess(PROGRAM, { home, shared, nodeId, preempt: o.preempt });
  cleanup.add(() => n.kill());
  return Object.assign(n, { home });
}
/** A shared directory is made by an operator, never by a node. */
function place(fsType: 'xfs' | 'ext4'): string {
  const dir = join(mountedFileSystem(cleanup, fsType), 'volumes');
  mkdirSync(dir);
  return dir;
}
const failure = async (
  p: Promise<unknown>,
): Promise<{ code: string; message: string; details: Record<string, unknown> }> =>
  p.then(
    (x) => {
      throw new Error(`expected a failure, got ${JSON.stringify(x)}`);
    },
    (e) => e,
  );

suite('two nodes on one directory', { root: true, loop: true, namespaces: true, programs: { ...XFS, ...EXT4 } }, () => {
  it.each(['xfs', 'ext4'] as const)('S5: %s: one owner at a time, the data moves', async (fsType) => {
    const shared = place(fsType);
    const [a, b] = [node(shared, 'node-a'), node(shared, 'node-b')];
    await a.call('create', 'data', { size: '64MiB' });
    const m = await a.call<Mount>('mount', 'data');
    await a.call('put', join(m.path, 'hello'), 'from a');
    const e = await failure(b.call('mount', 'data'));
    expect(e.code).toBe('in_use');
    expect(e.message).toContain('node-a');
    await a.call('unmount', 'data');
    const n = await b.call<Mount>('mount', 'data');
    expect(await b.call('read', join(n.path, 'hello'))).toBe('from a');
    expect((await failure(a.call('remove', 'data'))).message).toContain('node-b');
    await b.call('unmount', 'data');
    await a.call('remove', 'data');
  });

  it('S5: of two nodes that mount at once exactly one wins, 20 times', async () => {
    const shared = place('ext4');
    const nodes = [node(shared, 'node-a'), node(shared, 'node-b')];
    await nodes[0]?.call('create', 'data', { size: '64MiB' });
    for (let i = 0; i < 20; i++) {
      const results = await Promise.allSettled(nodes.map((n) => n.call('mount', 'data')));
      expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
      const winner = nodes[results.findIndex((r) => r.status === 'fulfilled')];
      await winner?.call('unmount', 'data');
    }
  });

  it('S10, S11: reflink: the taker gets a switched copy, the loser’s writes fail within seconds', async () => {
    const shared = place('xfs');
    const [a, b] = [node(shared, 'node-a'), node(shared, 'node-b')];
    await a.call('create', 'data', { size: '64MiB' });
    const m = await a.call<Mount>('mount', 'data');
    const uuid = (await a.call<{ fsUuid: string }>('get', 'data')).fsUuid;
    await a.call('write', m.path);
    await expect.poll(async () => (await a.call<{ acknowledged: number }>('writer')).acknowledged).toBeGreaterThan(10);
    const before = (await a.call<{ acknowledged: number }>('writer')).acknowledged;
    const taken = await b.call<Mount>('mount', 'data', { preempt: true });
    expect(taken.notes.join()).toContain('taken over from node node-a');
    const began = Date.now();
    await expect
      .poll(async () => (await a.call<{ error?: string }>('writer')).error, { timeout: 6000, interval: 50 })
      .toBe('EIO');
    expect(Date.now() - began).toBeLessThan(5000);
    const journal = (await b.call<string>('read', join(taken.path, 'journal'))).trim().split('\n');
    // What was acknowledged before the takeover began is there, in order; nothing of the loser arrives later.
    expect(journal.length).toBeGreaterThanOrEqual(before);
    expect(journal).toEqual(journal.map((_, i) => `node-a ${i + 1}`));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await b.call<string>('read', join(taken.path, 'journal'))).trim().split('\n')).toHaveLength(journal.length);
    expect((await b.call<{ fsUuid: string }>('get', 'data')).fsUuid).not.toBe(uuid);
    const again = await failure(a.call('mount', 'data'));
    expect(again.code).toBe('in_use');
    expect(again.message).toContain('node-b');
    await a.call('unmount', 'data');
    await b.call('unmount', 'data');
    expect((await a.call<Mount>('mount', 'data')).path).toBe(m.path);
    await a.call('unmount', 'data');
  });

  it('S10: without reflink the taker is refused, naming the owner; a person may say unsafe', async () => {
    const shared = place('ext4');
    const [a, b] = [node(shared, 'node-a'), node(shared, 'node-b')];
    await a.call('create', 'data', { size: '64MiB' });
    await a.call('mount', 'data');
    const e = await failure(b.call('mount', 'data', { preempt: true }));
    expect(['in_use', 'denied']).toContain(e.code);
    expect(e.message).toContain('node-a');
    await a.kill();
    const taken = await b.call<Mount>('mount', 'data', { preempt: 'unsafe' });
    expect(taken.notes.join()).toContain('taken over');
    await b.call('unmount', 'data');
  });

  it('S10: by configuration the taker waits for the owner to let go, and the loser does not take back at once', async () => {
    const shared = place('xfs');
    const [a, b] = [node(shared, 'node-a', { preempt: true }), node(shared, 'node-b', { preempt: true })];
    await a.call('create', 'data', { size: '64MiB' });
    await a.call('mount', 'data');
    const waiting = b.call<Mount>('mount', 'data');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await a.call('unmount', 'data');
    expect((await waiting).notes.join()).not.toContain('taken over');
    const taken = await a.call<Mount>('mount', 'data', { preempt: true });
    expect(taken.notes.join()).toContain('taken over from node node-b');
    await expect
      .poll(async () => (await failure(b.call('mount', 'data'))).message, { timeout: 6000, interval: 200 })
      .toContain('node-a');
    await b.call('unmount', 'data');
    const e = await failure(b.call('mount', 'data'));
    expect(e.message).toMatch(/taken by node node-a \d+ s ago/);
    await a.call('unmount', 'data');
  });

  it('S12: a killed node’s claim stays until that node comes back, and then it is whole', async () => {
    const shared = place('ext4');
    const [a, b] = [node(shared, 'node-a'), node(shared, 'node-b')];
    await a.call('create', 'data', { size: '64MiB' });
    const m = await a.call<Mount>('mount', 'data');
    await a.call('put', join(m.path, 'hello'), 'from a');
    await a.kill();
    expect((await failure(b.call('mount', 'data'))).message).toContain('node-a');
    const again = node(shared, 'node-a', { home: a.home });
    const back = await again.call<Mount>('mount', 'data');
    expect(await again.call('read', join(back.path, 'hello'))).toBe('from a');
    await again.call('unmount', 'data');
    // The holder of the killed process is still counted (S18): a person or the engine's proof drops it.
    await again.call('unmount', 'data');
    await b.call('mount', 'data');
    await b.call('unmount', 'data');
  });

  it('S11: a program that ends with a volume mounted leaves a watcher, which ends with the mount', async () => {
    const shared = place('xfs');
    const [a, b] = [node(shared, 'node-a'), node(shared, 'node-b')];
    await a.call('create', 'data', { size: '64MiB' });
    const m = await a.call<Mount>('mount', 'data');
    await a.call('close');
    await a.ended;
    const watcher = await expect
      .poll(() => watcherOf(a.home), { timeout: 5000 })
      .toBeGreaterThan(0)
      .then(() => watcherOf(a.home));
    cleanup.add(() => {
      const still = watcherOf(a.home);
      if (still > 0) process.kill(still, 'SIGKILL');
    });
    expect(readFileSync(`/proc/${watcher}/mountinfo`, 'utf8')).toContain(m.root);
    await b.call('mount', 'data', { preempt: true });
    await expect.poll(() => watcherOf(a.home), { timeout: 8000, interval: 100 }).toBe(0);
    await b.call('unmount', 'data');
  });
});

/** Pid of the watcher process of a home, by its command line; 0 = none. */
function watcherOf(home: string): number {
  for (const pid of readdirSync('/proc')
    .map(Number)
    .filter((n) => n > 0)) {
    try {
      const cmd = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (cmd.includes('watcher/main') && cmd.includes(home)) return pid;
    } catch {
      // It ended meanwhile.
    }
  }
  return 0;
}
