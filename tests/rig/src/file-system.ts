import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A file system of its own on a sparse image, mounted below a temporary directory: what nodes share, or what runs full. */
export function mountedFileSystem(
  cleanup: Cleanup,
  fsType: 'xfs' | 'ext4' | 'btrfs',
  size = '2G',
  options: readonly string[] = [],
): string {
  const dir = cleanup.tempDir(`rexray-${fsType}-`);
  const image = join(dir, 'image');
  const target = join(dir, 'fs');
  mkdirSync(target);
  run('truncate', '-s', size, image);
  run(`mkfs.${fsType}`, '-q', ...options, image);
  run('mount', '-o', 'loop', image, target);
  cleanup.add(() => run('umount', target));
  return target;
}

/** Files below a directory that a loop device is bound to: what a leak looks like. */
export function loopsBelow(below: string): readonly string[] {
  return Array.from({ length: 256 }, (_, i) => i).flatMap((i) => {
    try {
      const file = readFileSync(`/sys/block/loop${i}/loop/backing_file`, 'utf8').trim();
      return file.startsWith(below) ? [file] : [];
    } catch {
      return [];
    }
  });
}
