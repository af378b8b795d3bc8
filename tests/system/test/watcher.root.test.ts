import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import localLoop from '@rexray/driver-local-loop';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { afterEach, expect, it } from 'vitest';
import { left } from '../src/real.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const NODE = fileURLToPath(new URL('../../runtimes/node_modules/.bin/node', import.meta.url));
const WATCHER = fileURLToPath(new URL('../../../packages/runtime/src/watcher/main.ts', import.meta.url));

/** The watcher from its sources, as `close` starts the built one. */
function watcher(home: string): { readonly ended: () => boolean } {
  const child = spawn(NODE, ['--conditions=@rexray/source', WATCHER, join(home, 'var/lib/state')], {
    stdio: 'inherit',
  });
  cleanup.add(() => void child.kill('SIGKILL'));
  return { ended: () => child.exitCode !== null || child.signalCode !== null };
}
async function until(what: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!what()) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A program that uses one service and ends with its volume mounted, or not. */
async function program(home: string, service: string, mounts: boolean): Promise<void> {
  const rex = await openRexray({
    home,
    services: { [service]: localLoop({ volumePath: join(home, service) }) },
    watch: false,
  });
  const s = rex.service(service).integration;
  if (mounts) {
    await s.create(`data-${service}`, { size: '16MiB', fsType: 'ext4' });
    await s.mount(`data-${service}`, { holder: 'cli' });
  } else await s.unmount(`data-${service}`, { holder: 'cli' });
  await rex.close();
}
/** Another node (another state) takes the volume, as a person may. */
async function take(other: string, home: string, service: string): Promise<void> {
  const rex = await openRexray({
    home: other,
    services: { [service]: localLoop({ volumePath: join(home, service) }) },
    watch: false,
  });
  await rex.service(service).integration.attach(`data-${service}`, { preempt: 'unsafe' });
  await rex.close();
}
const mountsBelow = (home: string): number =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((l) => (l.split(' ')[4] ?? '').startsWith(home)).length;

suite('the watcher of a node', { root: true, loop: true, programs: EXT4 }, () => {
  it('S11: looks after what a later program left, too, and ends with the last mount', { timeout: 90_000 }, async () => {
    const home = cleanup.tempDir('rexray-watcher-');
    cleanup.add(async () => {
      for (const s of ['one', 'two']) await program(home, s, false).catch(() => {});
    });
    await program(home, 'one', true);
    const first = watcher(home);
    // Long enough to be at work with what there was.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect(first.ended()).toBe(false);
    // What cannot be loaded any more keeps nobody else from being looked after.
    writeFileSync(join(home, 'var/lib/state/watch/zzz.json'), '{"service":"zzz","module":"/nowhere.js"}');
    await program(home, 'two', true);
    const second = watcher(home);
    await until(() => second.ended());
    expect(mountsBelow(home)).toBe(2);
    await take(cleanup.tempDir('rexray-other-'), home, 'two');
    await until(() => mountsBelow(home) === 1);
    expect(first.ended()).toBe(false);
    await program(home, 'one', false);
    await program(home, 'two', false);
    await until(() => first.ended());
    expect(left(home)).toEqual([]);
  });
});
