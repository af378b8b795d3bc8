import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Cleanup } from '@rexray/rig';

/** Where volumes are mounted, and how this process looks at it. */
export interface Machine {
  /** `/var/lib/rexray`, or what stands for it. */
  readonly lib: string;
  /** Put before a program, runs it there. */
  readonly inside: readonly string[];
  see(path: string): string;
  /** Mounts below a directory, relative to it. */
  mountsBelow(dir: string): readonly string[];
  /** Once nobody looks after claims any more: a watcher ends some seconds after the last mount. */
  quiet(): Promise<void>;
}

const below = (table: string, dir: string): readonly string[] =>
  readFileSync(table, 'utf8')
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((t) => t.startsWith(`${dir}/`))
    .map((t) => t.slice(dir.length + 1));

export const thisMachine = (lib: string): Machine => ({
  lib,
  inside: [],
  see: (path) => path,
  mountsBelow: (dir) => below('/proc/self/mountinfo', dir),
  quiet: () => noWatcher((_pid, args) => args.includes(lib)),
});

/** A mount namespace of its own with an empty `/var/lib`: the very paths of the documentation, and nothing of this machine's. */
export async function newMachine(cleanup: Cleanup): Promise<Machine> {
  const script = 'mount -t tmpfs rexray-test /var/lib && mkdir /var/lib/rexray && echo ready && exec cat';
  const child = spawn('unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanup.add(() => {
    child.stdin.end();
    return ended;
  });
  await Promise.race([
    new Promise((resolve) => child.stdout.once('data', resolve)),
    ended.then((status) => Promise.reject(new Error(`the namespace was not made (${status})`))),
  ]);
  const proc = `/proc/${child.pid}`;
  return {
    lib: '/var/lib/rexray',
    inside: ['nsenter', `--mount=${proc}/ns/mnt`, '--'],
    see: (path) => `${proc}/root${path}`,
    mountsBelow: (dir) => below(`${proc}/mountinfo`, dir),
    quiet: () => noWatcher((pid) => readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync(`${proc}/ns/mnt`)),
  };
}

type OfMachine = (pid: string, args: string) => boolean;

async function noWatcher(ours: OfMachine): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (watchers(ours).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`watchers go on: ${watchers(ours).join(', ')}`);
}

const watchers = (ours: OfMachine): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      const args = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
      return args.includes('watcher/main') && ours(pid, args);
    } catch {
      // It ended meanwhile.
      return false;
    }
  });
