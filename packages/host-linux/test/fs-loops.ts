import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from '@rexray/rig';
import type { Place } from '../src/fs/index.ts';
import { sh, tools } from './fs-images.ts';

/** Loop devices and mounts that end with the test. */
export const loops = (cleanup: Cleanup) => ({
  /** The image as a loop device. */
  attach(image: Place): Place {
    const path = sh('losetup', '--find', '--show', image.path).trim();
    cleanup.add(() => sh('losetup', '-d', path));
    return { path, backing: image.path, sizeBytes: image.sizeBytes };
  },
  mount(device: Place, dir: string, ...options: string[]): string {
    const target = join(dir, `mnt-${Math.random().toString(36).slice(2, 8)}`);
    mkdirSync(target);
    sh('mount', ...options, device.path, target);
    cleanup.add(() => tools.run('umount', [target], { timeoutMs: 5000 }));
    return target;
  },
});
