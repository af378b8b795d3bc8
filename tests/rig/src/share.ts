import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';

export const BINDFS = { bindfs: 'bindfs' } as const;

/** A directory that is reached through a process, as a network share is through its server: it can be slow, and cut off. */
export interface Share {
  readonly path: string;
  /**
   * Nobody answers any more. Whoever asks waits in the kernel, where no time limit of a test reaches: so it ends by itself
   * after `ms` at most, by a process that asks nothing of it.
   */
  cut(ms: number): void;
  heal(): void;
  /** The process ends: who asks is answered with an error from now on. */
  end(): Promise<void>;
}

const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);

/** What lies at `below`, through FUSE; it tells holes from data no more than NFS 3 does. Others may change it: nothing is cached. */
export async function share(cleanup: Cleanup, below: string, options: readonly string[] = []): Promise<Share> {
  const path = join(cleanup.tempDir('rexray-share-'), 'share');
  mkdirSync(path);
  const args = ['-f', '-o', 'attr_timeout=0,entry_timeout=0,negative_timeout=0', ...options, below, path];
  const fuse = spawn('bindfs', args, { stdio: 'ignore' });
  const ended = new Promise((done) => fuse.once('exit', done));
  let watch: ChildProcess | undefined;
  const heal = (): void => {
    watch?.kill();
    watch = undefined;
    fuse.kill('SIGCONT');
  };
  const end = async (): Promise<void> => {
    heal();
    fuse.kill('SIGKILL');
    await ended;
  };
  cleanup.add(async () => {
    heal();
    if (isMounted(path)) execFileSync('umount', ['-l', path]);
    await end();
  });
  while (!isMounted(path)) {
    if (fuse.exitCode !== null) throw new Error(`bindfs ended with ${fuse.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    path,
    cut(ms) {
      watch?.kill();
      watch = spawn('sh', ['-c', `sleep ${ms / 1000}; exec kill -CONT ${fuse.pid}`], { stdio: 'ignore' });
      fuse.kill('SIGSTOP');
    },
    heal,
    end,
  };
}
