import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FsType, isVolumeError } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loopsBelow, mountsBelow } from '../src/audit.ts';
import { content, damage, dice, metadata } from '../src/damage.ts';
import { imagesOf, openPlace, type Place } from '../src/open.ts';
import { SIZE } from '../src/scenarios.ts';

const FIRST = Number(process.env.SAFETY_SEED ?? 1);
const FILES = 24;
const run = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' });

/** Damages metadata so many times per file system: the tests of a suite. */
export function damageAtRandom(times: number): void {
  const cleanup = new Cleanup();
  let p: Place;
  beforeAll(async () => {
    p = await openPlace({ home: cleanup.tempDir('rexray-damage-') });
    cleanup.add(() => p.rex.close());
  });
  afterAll(() => cleanup.run());
  const wanted = (i: number): Buffer => content(`file-${i}`, 1 + (i % 5));

  /** A file is what it was, or asking for it is an error; one that is not there although its directory can be read was lost in silence. */
  function altered(path: string): readonly string[] {
    try {
      readdirSync(path);
    } catch {
      return [];
    }
    return Array.from({ length: FILES }, (_, i) => i).flatMap((i) => {
      try {
        return readFileSync(join(path, `file-${i}`)).equals(wanted(i)) ? [] : [`file-${i} changed`];
      } catch (e) {
        return (e as NodeJS.ErrnoException).code === 'ENOENT' ? [`file-${i} vanished`] : [];
      }
    });
  }

  it.each(['ext4', 'xfs', 'btrfs'] as const)(
    `${times} times %s: never formatted; what mounts has its files, or an error in their place`,
    { timeout: 3_600_000 },
    async (fsType: FsType) => {
      const s = p.volumes;
      await s.create(fsType, { size: SIZE[fsType], fsType });
      const first = await s.mount(fsType, { holder: 'cli' });
      for (let i = 0; i < FILES; i++) writeFileSync(join(first.path, `file-${i}`), wanted(i), { flush: true });
      await s.unmount(fsType, { holder: 'cli' });
      const uuid = (await s.get(fsType)).fsUuid;
      const image = join(imagesOf(p.home), fsType, 'image');
      const sound = join(p.home, `sound-${fsType}`);
      run('cp', '--sparse=always', image, sound);
      const blocks = metadata(sound);
      let [mounted, refused, changed] = [0, 0, 0];
      for (let seed = FIRST; seed < FIRST + times; seed++) {
        // Over the same inode: the claim and the record are of this very file.
        run('cp', '--sparse=always', sound, image);
        const what = `${fsType}, seed ${seed}: ${damage(image, blocks, dice(seed))}`;
        try {
          const m = await s.mount(fsType, { holder: 'cli' });
          mounted += 1;
          const wrong = altered(m.path);
          if (wrong.length > 0) changed += 1;
          // Metadata checksums protect all three, so a block of a file is its own or an error.
          expect(wrong, what).toEqual([]);
        } catch (e) {
          if (!isVolumeError(e)) throw e;
          refused += 1;
          expect(['data_loss', 'denied', 'unavailable', 'invalid', 'in_use'], `${what}: ${e.message}`).toContain(
            e.code,
          );
        } finally {
          await s.unmount(fsType, { holder: 'cli', all: true });
        }
        const after = await s.get(fsType);
        expect([after.format, after.fsUuid], what).toEqual(['formatted', uuid]);
        expect([...mountsBelow(p.home), ...loopsBelow(p.home)], what).toEqual([]);
      }
      console.log(`${fsType}: ${times} damaged, ${mounted} mounted, ${refused} refused, ${changed} with changed files`);
      await s.remove(fsType);
    },
  );
}
