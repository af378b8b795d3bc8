/** What the benchmarks share: a core over loop files below a temporary root, and the disk's flush cost. */
import { spawnSync } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import localLoop from '@rexray/driver-local-loop';
import { openRexray } from '@rexray/runtime';

export function tempRoot() {
  if (process.geteuid() !== 0) throw new Error('needs root and loop devices');
  return mkdtempSync(join(tmpdir(), 'rexray-bench-'));
}

export async function openLoop(root, more = {}) {
  const rex = await openRexray({
    home: root,
    services: { loop: localLoop({ volumePath: join(root, 'images') }) },
    ...more,
  });
  return { rex, volumes: rex.service('loop').integration };
}

/** A measurement that was cut short leaves mounts, and mountpoints are immutable while nothing is mounted on them. */
export function removeRoot(root) {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  for (const at of mounts.filter((m) => m.startsWith(`${root}/`)).reverse()) spawnSync('umount', [at]);
  spawnSync('chattr', ['-R', '-f', '-i', root], { stdio: 'ignore' });
  rmSync(root, { recursive: true, force: true });
}

/** Median of a 4 KiB overwrite with fdatasync, in ms: what decides how much durable state may cost. */
export function flushCost(dir) {
  const file = join(dir, 'flush');
  const fd = openSync(file, 'w');
  const block = Buffer.alloc(4096, 1);
  const times = [];
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    writeSync(fd, block, 0, block.length, 0);
    fdatasyncSync(fd);
    times.push(performance.now() - start);
  }
  closeSync(fd);
  rmSync(file);
  return times.sort((a, b) => a - b)[30];
}

export const flushNote = (dir) =>
  `flush of this disk (4 KiB, fdatasync): ${flushCost(dir).toFixed(2)} ms; the goal was measured at 0.09 ms`;
