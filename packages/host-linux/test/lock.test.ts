import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isVolumeError, silentLogger } from '@rexray/core';
import { Cleanup, hasRuntime, RUNTIMES } from '@rexray/rig';
import { afterEach, describe, expect, it } from 'vitest';
import { LinuxHost, runChild } from '../src/index.ts';
import { acquireLock, lockPath, makeOwnDir } from '../src/lock.ts';
import { bench, context, ended, killQuietly } from './rig.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});

const node24 = RUNTIMES[1];
const HOLD = fileURLToPath(new URL('./fixtures/hold.ts', import.meta.url));

/** Another process that holds the lock of `key`; with `child`, it runs that shell script under the lock. */
async function holder(
  dir: string,
  key: string,
  child = '',
): Promise<{ pid: number; child: number; kill(): Promise<void> }> {
  if (node24 === undefined) throw new Error('no runtime');
  const p = spawn(node24.program, [...node24.args(['@rexray/source']), HOLD, dir, key, child], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = async (): Promise<void> => {
    p.kill('SIGKILL');
    await ended(p);
  };
  cleanup.add(kill);
  const line = await new Promise<string>((resolve) => p.stdout?.once('data', (d: Buffer) => resolve(d.toString())));
  return { pid: p.pid ?? 0, child: Number(line.split(' ')[1] ?? 0), kill };
}

const failure = async (p: Promise<unknown>): Promise<{ code: string; message: string; details: { pid?: number } }> => {
  try {
    await p;
  } catch (e) {
    if (isVolumeError(e)) return e as never;
    throw e;
  }
  throw new Error('it succeeded');
};

describe.skipIf(node24 === undefined || !hasRuntime(node24))('S4: one lock per volume on a host', () => {
  it('S4: another process is told who has it, and gets it when that one dies', async () => {
    const { config, host } = bench(cleanup);
    const other = await holder(config.stateDir, 'v');
    const e = await failure(host.open('v', context(100)));
    expect(e.code).toBe('busy');
    expect(e.message).toContain(`pid ${other.pid}`);
    expect(e.details.pid).toBe(other.pid);
    await other.kill();
    await (await host.open('v', context())).release();
  });

  it('S4: a killed parent with a child that lives on does not give the lock away', async () => {
    const { config, host } = bench(cleanup);
    const other = await holder(config.stateDir, 'v', 'exec setpriv --pdeathsig clear -- sleep 30');
    cleanup.add(() => killQuietly(other.child));
    await other.kill();
    const e = await failure(host.open('v', context(150)));
    expect(e.code).toBe('busy');
    expect(e.message).toMatch(/outlived its parent/);
    killQuietly(other.child);
    await (await host.open('v', context(2000))).release();
  });

  it('S14: an acting child dies with its parent', async () => {
    const { config, host } = bench(cleanup);
    const other = await holder(config.stateDir, 'v', 'exec sleep 30');
    expect(existsSync(`/proc/${other.child}`)).toBe(true);
    await other.kill();
    await (await host.open('v', context(2000))).release();
    expect(await host.identify(other.child, context())).toBeUndefined();
  });
});

describe('locks', () => {
  it('S4: the directory is closed to others, and the lock is no inheritance of other children', async () => {
    const { config, host } = bench(cleanup);
    const s = await host.open('v', context());
    expect(statSync(join(config.stateDir, 'locks')).mode & 0o777).toBe(0o700);
    const child = spawn('sleep', ['5'], { stdio: 'ignore' });
    cleanup.add(() => child.kill('SIGKILL'));
    await s.release();
    await (await host.open('v', context(500))).release();
  });

  it('what a killed process left to undo its work by is gone with the next who has the lock, and nobody else may put it there', async () => {
    const { config, host } = bench(cleanup);
    await (await host.open('v', context())).release();
    const scratch = join(config.stateDir, 'scratch');
    expect(statSync(scratch).mode & 0o777).toBe(0o700);
    const [mine, other, growth] = [
      basename(lockPath('', 'v')),
      basename(lockPath('', 'w')),
      'rexray-resize-u-1.e2undo',
    ];
    for (const dir of [mine, other]) mkdirSync(join(scratch, `undo-${dir}`));
    writeFileSync(join(scratch, `undo-${mine}`, 'e2undo'), 'half');
    writeFileSync(join(scratch, growth), 'needed');
    await (await host.open('v', context())).release();
    expect(readdirSync(scratch).sort()).toEqual([growth, `undo-${other}`]);
  });

  it('a missing program is an error value that names its package', async () => {
    const dir = join(cleanup.tempDir(), 'locks');
    makeOwnDir(dir);
    const lock = await acquireLock(dir, 'k', context());
    const e = await failure(
      runChild(lock, 'mount.nfs', [], { timeoutMs: 1000 }).then(() =>
        runChild(lock, 'no-such-program', [], { timeoutMs: 1 }),
      ),
    );
    expect(e.code).toBe('unavailable');
    lock.close();
  });

  it('a child past its deadline is killed, and the lock is given back', async () => {
    const dir = join(cleanup.tempDir(), 'locks');
    makeOwnDir(dir);
    const lock = await acquireLock(dir, 'k', context());
    const e = await failure(runChild(lock, 'sleep', ['30'], { timeoutMs: 50 }));
    expect(e.code).toBe('timeout');
    lock.close();
    (await acquireLock(dir, 'k', context(500))).close();
  });

  it('many waiters of one process get it one after the other', async () => {
    const { host } = bench(cleanup);
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        const s = await host.open('v', context());
        most = Math.max(most, ++inside);
        await new Promise((r) => setTimeout(r, 1));
        inside--;
        await s.release();
      }),
    );
    expect(most).toBe(1);
  });
});

describe('S8: node identity', () => {
  it('S8: made once, agreed on by all, new on other hardware', async () => {
    const { config, host } = bench(cleanup);
    const again = new LinuxHost(config, silentLogger);
    const ids = await Promise.all([host, again, host].map(async (h) => (await h.facts(context())).nodeId));
    expect(new Set(ids).size).toBe(1);
    const file = join(config.stateDir, 'node.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"machineId":"[^"]*"/, '"machineId":"another"'));
    const warnings: string[] = [];
    const moved = new LinuxHost(config, { ...silentLogger, warn: (_f, m) => void warnings.push(m) });
    const fresh = (await moved.facts(context())).nodeId;
    expect(fresh).not.toBe(ids[0]);
    expect(warnings).toHaveLength(1);
    expect((await host.facts(context())).nodeId).toBe(fresh);
    const named = new LinuxHost({ ...config, nodeId: 'rack-7' }, silentLogger);
    expect((await named.facts(context())).nodeId).toBe('rack-7');
  });
});
