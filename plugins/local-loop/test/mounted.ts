import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from '@rexray/rig';

const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
export const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH }, stdio: ['ignore', 'pipe', 'pipe'] });

export interface MountedFs {
  readonly dir: string;
  mount(): void;
  unmount(): void;
  /** As if the power went: what was not flushed is gone. xfs only. */
  powerCut(): void;
}

/** A file system of its own on a loop device, mounted; taken away by the clean-up. */
export function mountedFs(cleanup: Cleanup, fsType: 'xfs' | 'ext4', sizeMib: number): MountedFs {
  const base = cleanup.tempDir('rexray-fs-');
  const image = join(base, 'disk.img');
  const dir = join(base, 'mnt');
  mkdirSync(dir);
  writeFileSync(image, '');
  truncateSync(image, sizeMib * 2 ** 20);
  run(`mkfs.${fsType}`, '-q', image);
  let mounted = false;
  const unmount = (): void => {
    if (mounted) run('umount', dir);
    mounted = false;
  };
  const mount = (): void => {
    run('mount', '-o', 'loop', image, dir);
    mounted = true;
  };
  mount();
  cleanup.add(unmount);
  return {
    dir,
    mount,
    unmount,
    powerCut() {
      run('xfs_io', '-x', '-c', 'shutdown', dir);
      unmount();
      mount();
    },
  };
}
