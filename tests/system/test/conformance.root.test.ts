import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { integrationConformance } from '@rexray/conformance';
import localDir from '@rexray/driver-local-dir';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { describe, it } from 'vitest';
import { left, real } from '../src/real.ts';

const content = {
  write: async (path: string, text: string): Promise<void> => writeFileSync(path, text),
  read: async (path: string): Promise<string | undefined> =>
    existsSync(path) ? readFileSync(path, 'utf8') : undefined,
};

/** Something that was in the directory before us: an image, or a directory. */
async function foreign(dir: string, name: string): Promise<{ name: string }> {
  if (name.endsWith('.img')) writeFileSync(join(dir, name), Buffer.alloc(4096, 1));
  else mkdirSync(join(dir, name));
  return { name };
}

suite('the integration suite on this machine', { root: true, loop: true, programs: EXT4 }, () => {
  integrationConformance('local-loop, ext4 on loop devices', {
    runner: { describe, it },
    async open() {
      const cleanup = new Cleanup();
      const r = await real(cleanup);
      return {
        integration: r.volumes,
        content,
        leaks: async () => left(r.home),
        foreign: () => foreign(r.images, 'somebody.img'),
        close: () => cleanup.run(),
      };
    },
    sizeBytes: 16 * 2 ** 20,
  });

  integrationConformance('local-dir, bind mounts', {
    runner: { describe, it },
    async open() {
      const cleanup = new Cleanup();
      const home = cleanup.tempDir();
      const rex = await openRexray({ home, services: { dirs: localDir({ volumePath: join(home, 'dirs') }) } });
      cleanup.add(() => rex.close());
      return {
        integration: rex.service('dirs').integration,
        content,
        foreign: () => foreign(join(home, 'dirs'), 'somebody'),
        leaks: async () => left(home),
        close: () => cleanup.run(),
      };
    },
  });
});
