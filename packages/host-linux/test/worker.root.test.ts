import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HostWorld, hostConformance } from '@rexray/conformance';
import { isVolumeError, silentLogger } from '@rexray/core';
import { Cleanup, EXT4, RUNTIMES, suite } from '@rexray/rig';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { runChild, WorkerHost } from '../src/index.ts';
import { acquireLock, makeOwnDir } from '../src/lock.ts';
import { identify } from '../src/proc/processes.ts';
import {
  bench,
  context,
  copyImage,
  EXT4_IMAGE,
  ended,
  type FileAttachment,
  image,
  killQuietly,
  MIB,
  processBelow,
  scribble,
  spec,
} from './rig.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});

const node24 = RUNTIMES[1];
const program = { program: node24?.program ?? '', args: node24?.args(['@rexray/source']) ?? [] };

function workerBench(c: Cleanup, o = {}) {
  const b = bench(c);
  const host = new WorkerHost(b.config, silentLogger, { ...program, ...o });
  c.add(() => host.close());
  return { ...b, host };
}
const failure = async (
  p: Promise<unknown>,
): Promise<{ code: string; message: string; details: { pid?: number; op?: string } }> => {
  try {
    await p;
  } catch (e) {
    if (isVolumeError(e)) return e as never;
    throw e;
  }
  throw new Error('it succeeded');
};
const gone = async (pid: number, ms = 5000): Promise<void> => {
  const until = performance.now() + ms;
  while (identify(pid) !== undefined && performance.now() < until) await new Promise((r) => setTimeout(r, 10));
  expect(identify(pid)).toBeUndefined();
};
const thawQuietly = (target: string): void => {
  try {
    execFileSync('fsfreeze', ['--unfreeze', target], { stdio: 'ignore' });
  } catch {
    // thawed already
  }
};

suite('the host worker', { root: true, loop: true, programs: EXT4 }, () => {
  it('S15: a verb that hangs costs its worker; the volume is busy at once, others go on', async () => {
    const b = workerBench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target, { subdir: '/' }), context());
    cleanup.add(() => execFileSync('umount', [target]));
    const [pid = 0] = b.host.workers;
    execFileSync('fsfreeze', ['--freeze', target]);
    cleanup.add(() => thawQuietly(target));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    cleanup.add(() => clearInterval(ticking));

    // Makes a directory in the frozen file system: the worker's main thread hangs in the kernel.
    const hangs = await failure(s.mount(device, spec(target, { subdir: '/data' }), context(400)));
    expect(hangs.code).toBe('timeout');
    expect(ticks).toBeGreaterThan(20);
    expect(b.host.workers).not.toContain(pid);

    const began = performance.now();
    const e = await failure(b.host.open('v', context(10_000)));
    expect(performance.now() - began).toBeLessThan(5000);
    expect(e).toMatchObject({ code: 'busy', details: { pid, op: 'mount' } });
    expect((await failure(s.sync(target, context(500)))).code).toBe('busy');
    await s.release();

    const other = image(b.dir, 16, EXT4_IMAGE);
    const s2 = await b.host.open('w', context());
    await s2.connect(other, { readonly: false }, context());
    await s2.release();

    thawQuietly(target);
    await gone(pid);
    await (await b.host.open('v', context())).release();
  });

  it('S14: a child that cannot be killed keeps the lock, and is named', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('other', context());
    cleanup.add(() => s.release());
    const target = join(b.mountRoot, 'v');
    await s.mount(await s.connect(a, { readonly: false }, context()), spec(target), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    const dir = join(b.config.stateDir, 'locks');
    makeOwnDir(dir);
    const lock = await acquireLock(dir, 'v', context());
    execFileSync('fsfreeze', ['--freeze', target]);
    cleanup.add(() => thawQuietly(target));
    const child = await failure(runChild(lock, 'touch', ['--', `${target}/x`], { timeoutMs: 100, op: 'format' }));
    expect(child).toMatchObject({ code: 'busy', details: { op: 'format' } });
    lock.close();
    const e = await failure(b.host.open('v', context(10_000)));
    expect(e).toMatchObject({ code: 'busy', details: { op: 'format', pid: child.details.pid } });
    expect(e.message).toContain('touch');
    thawQuietly(target);
    await gone(child.details.pid ?? 0);
    await (await b.host.open('v', context(500))).release();
  });

  it('errors cross as they are, contexts too', async () => {
    const b = workerBench(cleanup);
    const s = await b.host.open('v', context());
    const e = await failure(s.connect({ kind: 'file', path: '/no/such/image' }, { readonly: false }, context()));
    expect(e).toMatchObject({ code: 'unavailable', details: { expected: '/no/such/image' } });
    expect((await failure(s.mounted('not absolute', context()))).code).toBe('invalid');
    const controller = new AbortController();
    const waiting = b.host.open('v', context(10_000, controller.signal));
    setTimeout(() => controller.abort(), 100);
    expect((await failure(waiting)).code).toBe('canceled');
    await s.release();
    await (await b.host.open('v', context(500))).release();
  });

  it('a killed worker ends the calls that wait for it, and the next call gets a new one', async () => {
    const b = workerBench(cleanup);
    const s = await b.host.open('v', context());
    const [pid = 0] = b.host.workers;
    const waiting = failure(b.host.open('v', context(10_000)));
    await new Promise((r) => setTimeout(r, 200));
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    expect((await failure(s.mounted('/x', context()))).code).toBe('busy');
    const second = b.host.workers.find((p) => p !== pid) ?? 0;
    process.kill(second, 'SIGKILL');
    // Either it had the lock already, or its end is the answer.
    expect(['timeout', 'unavailable', 'no error']).toContain((await waiting.catch(() => ({ code: 'no error' }))).code);
    await (await b.host.open('v', context())).release();
  });

  it('more sessions than workers wait for their turn; a full queue says so', async () => {
    const b = workerBench(cleanup, { max: 2, queue: 4 });
    const all = Array.from({ length: 6 }, async (_, i) => (await b.host.open(`v${i}`, context())).release());
    const settled = await Promise.allSettled([...all, b.host.open('one more', context())]);
    expect(settled.map((r) => r.status)).toEqual([...Array(6).fill('fulfilled'), 'rejected']);
    expect(b.host.workers.length).toBeLessThanOrEqual(2);
  });

  it('ends when its parent is killed, and its lock is free then', async () => {
    const b = bench(cleanup);
    const file = fileURLToPath(new URL('./fixtures/worker-parent.ts', import.meta.url));
    const parent = spawn(program.program, [...program.args, file, b.config.stateDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanup.add(() => killQuietly(parent.pid ?? 0));
    const said = await new Promise<string>((resolve) =>
      parent.stdout?.once('data', (d: Buffer) => resolve(d.toString())),
    );
    const worker = Number(said);
    expect(identify(worker)).toBeDefined();
    expect((await failure(b.host.open('v', context(100)))).code).toBe('busy');
    parent.kill('SIGKILL');
    await ended(parent);
    await gone(worker);
    await (await b.host.open('v', context(500))).release();
  });
});

suite('the host worker as a host driver', { root: true, loop: true, programs: EXT4 }, () => {
  const whole = new Cleanup();
  const shared = workerBench(whole);
  const another = new WorkerHost(shared.config, silentLogger, program);
  whole.add(() => another.close());
  afterAll(() => whole.run());

  function world(): HostWorld {
    const c = new Cleanup();
    const dir = c.tempDir('rexray-host-');
    return {
      host: shared.host,
      another: async () => another,
      mountRoot: join(dir, 'volumes'),
      async makeAttachment({ sizeBytes, holds }) {
        const a = image(dir, sizeBytes / MIB);
        if (holds !== 'blank') scribble(a.path, holds);
        return a;
      },
      absent: async () => ({ kind: 'file', path: join(dir, 'absent.img') }),
      enlarge: async (a, sizeBytes) => truncateSync((a as FileAttachment).path, sizeBytes),
      copy: async (a) => copyImage(a as FileAttachment),
      write: async (path, text) => writeFileSync(path, text),
      read: async (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
      use: processBelow,
      close: () => c.run(),
    };
  }
  hostConformance('WorkerHost, ext4', { runner: { describe, it }, open: async () => world() });
});
