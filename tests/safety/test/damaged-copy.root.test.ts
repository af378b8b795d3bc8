import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BTRFS, Cleanup, EXT4, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { imagesOf, openPlace, type Place } from '../src/open.ts';
import { SIZE } from '../src/scenarios.ts';

const run = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8', stdio: 'pipe' });
const zero = (image: string, at: number, kib: number): string =>
  run('dd', 'if=/dev/zero', `of=${image}`, 'bs=1K', `seek=${at / 1024}`, `count=${kib}`, 'conv=notrunc');

const DAMAGE = {
  /** Root directory and resize inode gone, and not unmounted: what `e2fsck -p` leaves to a person. */
  ext4: (image: string): void => {
    run('debugfs', '-w', '-R', 'clri <2>', image);
    run('debugfs', '-w', '-R', 'clri <7>', image);
    run('debugfs', '-w', '-R', 'ssv state 0', image);
  },
  btrfs: (image: string): void => void zero(image, 64 * 1024, 4),
} as const;

suite('S24, S25: a damaged copy', { root: true, loop: true, programs: { ...EXT4, ...BTRFS } }, () => {
  const cleanup = new Cleanup();
  let p: Place;
  beforeAll(async () => {
    p = await openPlace({ home: cleanup.tempDir('rexray-damaged-copy-') });
    cleanup.add(() => p.rex.close());
  });
  afterAll(() => cleanup.run());

  it.each(['ext4', 'btrfs'] as const)(
    '%s: refused by name with what to do, unchanged; a new one can be made',
    { timeout: 120_000 },
    async (fsType) => {
      const [s, copy] = [p.volumes, `${fsType}-copy`];
      await s.create(fsType, { size: SIZE[fsType], fsType });
      await s.mount(fsType, { holder: 'cli' });
      await s.unmount(fsType, { holder: 'cli' });
      await s.clone(fsType, copy);
      const image = join(imagesOf(p.home), copy, 'image');
      DAMAGE[fsType](image);
      const before = run('sha256sum', image);
      await expect(s.mount(copy, { holder: 'cli' })).rejects.toMatchObject({
        code: 'data_loss',
        message: expect.stringContaining(`"${copy}"`),
        hint: expect.stringMatching(/Remove (the|this) copy and make it again/),
      });
      expect(run('sha256sum', image)).toBe(before);
      await s.remove(copy);
      await s.clone(fsType, copy);
      await s.mount(copy, { holder: 'cli' });
      await s.unmount(copy, { holder: 'cli' });
    },
  );
});
