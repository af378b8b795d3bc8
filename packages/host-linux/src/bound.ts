import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Backing files of the loop devices that are bound now, as the kernel names them. For people to look at: identity is the inode (S7). */
export function boundImages(sys = '/sys/block'): readonly string[] {
  let names: readonly string[] = [];
  try {
    names = readdirSync(sys).filter((n) => n.startsWith('loop'));
  } catch {
    return []; // No sysfs (a container): nothing can be said.
  }
  return names.flatMap((n) => {
    try {
      return [readFileSync(join(sys, n, 'loop/backing_file'), 'utf8').trimEnd()];
    } catch {
      return []; // Not bound.
    }
  });
}
