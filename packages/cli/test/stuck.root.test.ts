import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Integration, isVolumeError } from '@rexray/core';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { daemon, eventually, Home, services } from './rig.ts';

const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : String(e)),
  );
const failure = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.toJSON() : String(e)),
  );
const took = async (p: Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await p;
  return performance.now() - began;
};

/** A directory behind a FUSE program that can be stopped: what a network file system whose server is gone looks like. */
function fuse(cleanup: Cleanup): { dir: string; stop(): void; go(): void } {
  const base = cleanup.tempDir('rxf-');
  const [real, dir] = [join(base, 'real'), join(base, 'fuse')];
  mkdirSync(real);
  mkdirSync(dir);
  const child = spawn('bindfs', ['-f', '--no-allow-other', real, dir], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanup.add(async () => {
    child.kill('SIGCONT');
    execFileSync('umount', ['-l', dir]);
    child.kill('SIGKILL');
    await ended;
  });
  return { dir, stop: () => void child.kill('SIGSTOP'), go: () => void child.kill('SIGCONT') };
}
const mounted = (target: string): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${target} `);

suite('S15: storage that hangs', {
  root: true,
  loop: true,
  programs: { ...EXT4, ...XFS, bindfs: 'bindfs', fsfreeze: 'util-linux' },
}, () => {
  let cleanup: Cleanup;
  beforeEach(() => {
    cleanup = new Cleanup();
  });
  afterEach(() => cleanup.run());

  /** Everything but what hangs: quick, while it hangs. */
  async function answersTheRest(home: Home, other: Integration): Promise<void> {
    const ms = await took(
      (async () => {
        await other.create('other', { size: '64MiB' });
        await other.mount('other', { holder: 'cli' });
        expect((await other.get('other')).state).toBe('mounted');
        await other.unmount('other', { holder: 'cli' });
        await other.remove('other');
      })(),
    );
    expect(ms).toBeLessThan(15_000);
    expect((await home.rexray('service', 'ls')).status).toBe(0);
  }

  it('a stopped FUSE behind local-dir: its service is busy and says by what; all others work; the end comes; then it works again', async () => {
    const { dir, stop, go } = fuse(cleanup);
    await eventually(
      () => (mounted(dir) ? true : undefined),
      () => 'bindfs does not mount',
    );
    const home = new Home(
      cleanup,
      services({ net: { driver: 'local-dir', 'local-dir': { volumePath: dir } }, loop: { driver: 'local-loop' } }),
    );
    const d = await daemon(cleanup, home);
    const client = d.client(cleanup);
    const net = await client.integration('net');
    await net.create('v');
    await net.create('w');
    const m = await net.mount('v', { holder: 'cli' });
    stop();

    const first = await failure(net.get('v', { timeoutMs: 1_000 }));
    expect(first).toMatchObject({ code: 'timeout', service: 'net' });
    const busy = await failure(net.get('v', { timeoutMs: 60_000 }));
    expect(busy).toMatchObject({
      code: 'busy',
      service: 'net',
      details: { op: expect.any(String), pid: expect.any(Number), since: expect.any(String) },
    });
    expect(await took(codeOf(net.list({ timeoutMs: 60_000 })))).toBeLessThan(1_000);
    await answersTheRest(home, await client.integration('loop'));
    const cli = await home.rexray('volume', 'ls', '-s', 'net');
    expect(cli).toMatchObject({ status: 1, out: '' });
    expect(cli.err).toMatch(/^error: (busy|timeout): /);

    // A new daemon beside the same hanging storage starts, and this one ends.
    expect(await took(d.stop())).toBeLessThan(30_000);
    const again = await daemon(cleanup, home);
    const next = again.client(cleanup);
    await answersTheRest(home, await next.integration('loop'));
    go();
    const after = await next.integration('net');
    await eventually(
      async () => ((await codeOf(after.get('v', { timeoutMs: 5_000 }))) === 'ok' ? true : undefined),
      () => 'the service does not come back',
      60_000,
    );
    expect(await after.get('v')).toMatchObject({ state: 'mounted', mountpoint: m.path });
    await after.unmount('v', { holder: 'cli' });
    for (const v of ['v', 'w']) await after.remove(v);
    expect(await again.stop()).toBe(0);
    expect(mounted(m.root)).toBe(false);
  });

  it('a frozen file system: the volume is busy and says by what, everything else is answered, the end comes', async () => {
    const home = new Home(cleanup, services({ loop: { driver: 'local-loop' } }));
    const d = await daemon(cleanup, home);
    const loop = await d.client(cleanup).integration();
    await loop.create('v', { size: '320MiB', fsType: 'xfs' });
    const m = await loop.mount('v', { holder: 'cli' });
    execFileSync('fsfreeze', ['-f', m.root]);
    let frozen = true;
    const thaw = (): void => {
      if (frozen) execFileSync('fsfreeze', ['-u', m.root]);
      frozen = false;
    };
    cleanup.add(async () => {
      thaw();
      await home.rexray('volume', 'unmount', 'v');
    });
    // What needs no write is answered.
    expect(await codeOf(loop.mount('v', { holder: 'cli' }))).toBe('ok');
    expect(await failure(loop.snapshots.create('v', 's'))).toMatchObject({
      code: 'busy',
      details: { op: 'freeze' },
    });
    // To grow is to write: the call hangs in the kernel, where nothing ends it.
    const first = await failure(loop.expand('v', { size: '400MiB', timeoutMs: 2_000 }));
    expect(first).toMatchObject({ code: 'timeout', volume: 'v' });
    const stuck = await eventually(
      async () => {
        const f = await failure(loop.unmount('v', { holder: 'cli', timeoutMs: 5_000 }));
        return (f as { details?: { pid?: number } }).details?.pid === undefined ? undefined : f;
      },
      () => 'nothing says what is stuck',
    );
    expect(stuck).toMatchObject({ code: 'busy', volume: 'v', details: { op: 'grow', pid: expect.any(Number) } });
    expect((await loop.get('v')).state).toBe('mounted');
    await answersTheRest(home, loop);

    expect(await took(d.stop())).toBeLessThan(30_000);
    const again = await daemon(cleanup, home);
    const next = await again.client(cleanup).integration();
    await answersTheRest(home, next);
    expect(await codeOf(next.unmount('v', { holder: 'cli', timeoutMs: 2_000 }))).toBe('busy');
    thaw();
    await eventually(
      async () => ((await codeOf(next.unmount('v', { holder: 'cli', all: true }))) === 'ok' ? true : undefined),
      () => 'the volume does not come back',
    );
    await next.mount('v', { holder: 'cli' });
    expect((await next.get('v')).sizeBytes).toBe(400 * 2 ** 20);
    await next.unmount('v', { holder: 'cli' });
    await next.remove('v');
    expect(await again.stop()).toBe(0);
    expect(mounted(m.root)).toBe(false);
  });
});
