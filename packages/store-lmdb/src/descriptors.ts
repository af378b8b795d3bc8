import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Descriptors } from '@rexray/core';

const O_CLOEXEC = 0o2000000;

/**
 * Sets close-on-exec on every descriptor of this process that has `file` open. lmdb opens its data file without it, and a
 * child (an mkfs that outlives its parent) would keep the file, and with it the state's file system, in use.
 * @returns how many were changed
 */
export function closeOnExec(file: string, d: Pick<Descriptors, 'setCloexec'>): number {
  let changed = 0;
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) !== file) continue;
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0) continue;
      d.setCloexec(Number(name));
      changed++;
    } catch (e) {
      // Descriptors come and go while this looks, its own of /proc/self/fd among them.
      if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
    }
  }
  return changed;
}
