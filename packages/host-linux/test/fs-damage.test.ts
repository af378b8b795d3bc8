import { type FsType, isVolumeError } from '@rexray/core';
import { Cleanup, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, format, type Place, probe } from '../src/fs/index.ts';
import {
  asDisk,
  copy,
  FS_MIB,
  flip,
  hash,
  MIB,
  mkfs,
  OTHER,
  PROGRAMS,
  put,
  sh,
  shorten,
  sparse,
  tools,
  UUID,
  zero,
} from './fs-images.ts';

/** Where each file system has its superblock, its magic number and a byte that only the checksum protects. */
const AT = {
  ext4: { sb: 1024, length: 1024, magic: 1080, magicLength: 2, byte: 1024 + 0x78 },
  xfs: { sb: 0, length: 512, magic: 0, magicLength: 4, byte: 108 },
  btrfs: { sb: 65536, length: 4096, magic: 65600, magicLength: 8, byte: 65536 + 0x12b },
} as const;

interface Damage {
  readonly name: string;
  /** What the probe must answer; `any` = everything but blank. */
  readonly verdict: 'damaged' | 'any';
  apply(place: Place, fs: FsType): Place;
}
const DAMAGES: readonly Damage[] = [
  { name: 'magic zeroed', verdict: 'damaged', apply: (p, fs) => zero(p, AT[fs].magic, AT[fs].magicLength) },
  { name: 'superblock zeroed', verdict: 'damaged', apply: (p, fs) => zero(p, AT[fs].sb, AT[fs].length) },
  {
    name: 'superblock is noise',
    verdict: 'any',
    apply: (p, fs) => put(p, AT[fs].sb, Buffer.alloc(AT[fs].length, 0xa5)),
  },
  { name: 'one byte of the superblock flipped', verdict: 'damaged', apply: (p, fs) => flip(p, AT[fs].byte) },
  { name: 'first 128 KiB zeroed', verdict: 'damaged', apply: (p) => zero(p, 0, 128 * 1024) },
  { name: 'cut in half', verdict: 'damaged', apply: (p) => shorten(p, p.sizeBytes / 2) },
  { name: 'cut to the first MiB', verdict: 'damaged', apply: (p) => shorten(p, MIB) },
];
/** 1 KiB blocks, so that even this small ext4 has backups. */
const SMALL: Readonly<Record<FsType, string[]>> = { ext4: ['-b', '1024'], xfs: [], btrfs: [] };

suite('S2, S24: damaged file systems', { programs: PROGRAMS }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const dir = cleanup.tempDir();
  const healthy = {} as Record<FsType, Place>;
  beforeAll(() => {
    for (const fs of ['ext4', 'xfs', 'btrfs'] as const) {
      healthy[fs] = mkfs(sparse(dir, `${fs}.img`, FS_MIB[fs]), fs, ...SMALL[fs]);
    }
  });

  const cases = (['ext4', 'xfs', 'btrfs'] as const).flatMap((fs) => DAMAGES.map((d) => [fs, d.name, d] as const));
  test.each(cases)('%s, %s: never blank, not formatted, check refuses, unchanged', async (fs, name, damage) => {
    const place = damage.apply(copy(dir, healthy[fs], `${fs}-${name.replace(/\W/g, '-')}.img`), fs);
    const before = hash(place);
    for (const seen of [place, asDisk(place)]) {
      const found = await probe(seen, { prove: true }, tools);
      expect(found.verdict).not.toBe('blank');
      expect(found.verdict).not.toBe('fs');
      if (damage.verdict !== 'any') expect(found).toMatchObject({ verdict: damage.verdict, fsType: fs });
      expect(found.found).toBeTruthy();
      if (found.verdict === 'damaged') {
        const other = format(seen, { fsType: fs, uuid: OTHER, options: {} }, tools);
        await expect(other).rejects.toMatchObject({ code: expect.stringMatching(/denied|out_of_range/) });
      }
    }
    await expect(check(place, { fsType: fs, repair: true }, tools)).rejects.toMatchObject({ code: 'data_loss' });
    await expect(check(place, { fsType: fs, repair: false }, tools)).rejects.toMatchObject({ code: 'data_loss' });
    expect(hash(place)).toBe(before);
  });

  test('a trace names the UUID, so that an interrupted mkfs can be told from data (S1)', async () => {
    for (const fs of ['ext4', 'xfs', 'btrfs'] as const) {
      const place = zero(copy(dir, healthy[fs], `${fs}-trace.img`), 0, 128 * 1024);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'damaged', fsType: fs, uuid: UUID });
    }
  });

  test('S1: what a mkfs wrote before it was killed is damaged, not a file system', async () => {
    const v4 = mkfs(sparse(dir, 'v4.img', 320), 'xfs', '-m', 'crc=0,finobt=0,reflink=0,rmapbt=0');
    const xfs = put(v4, 126, [1]);
    const btrfs = put(copy(dir, healthy.btrfs, 'temporary-magic.img'), 65600, '!BHRfS_M');
    for (const [place, what] of [
      [xfs, /mkfs\.xfs did not finish/],
      [btrfs, /mkfs\.btrfs did not finish/],
    ] as const) {
      const found = await probe(place, { prove: true }, tools);
      expect(found).toMatchObject({ verdict: 'damaged', uuid: UUID, found: expect.stringMatching(what) });
    }
  });

  test('S24: e2fsck gives up after it had begun to repair: every byte is as before', async () => {
    const place = copy(dir, healthy.ext4, 'half-repaired.img');
    // The root directory gone, for which a person is asked; errors recorded; a checksum that preen mends first.
    for (const command of ['clri <2>', 'set_super_value state 2', 'set_bg 1 free_blocks_count 7']) {
      sh('debugfs', '-w', '-R', command, place.path);
    }
    const touched = copy(dir, place, 'touched.img');
    expect((await tools.run('e2fsck', ['-p', touched.path], tools)).exitCode).toBe(4);
    expect(hash(touched)).not.toBe(hash(place));
    const before = hash(place);
    const refused = await check(place, { fsType: 'ext4', repair: true }, tools).catch((e: unknown) => e);
    expect(isVolumeError(refused, 'data_loss') && refused.message).toMatch(/root inode/i);
    expect(isVolumeError(refused) && refused.hint).toMatch(/copy/i);
    await expect(check(place, { fsType: 'ext4', repair: false }, tools)).rejects.toMatchObject({ code: 'data_loss' });
    expect(hash(place)).toBe(before);
  });

  test('recorded errors that preen mends: repaired, and clean afterwards', async () => {
    const place = copy(dir, healthy.ext4, 'mended.img');
    sh('debugfs', '-w', '-R', 'set_super_value state 2', place.path);
    sh('debugfs', '-w', '-R', 'set_bg 1 free_blocks_count 7', place.path);
    expect((await probe(place, { prove: false }, tools)).clean).toBe(false);
    expect(await check(place, { fsType: 'ext4', repair: true }, tools)).toMatchObject({ clean: true });
    expect((await probe(place, { prove: false }, tools)).clean).toBe(true);
  });

  test('a clean file system is answered without a child; another one than recorded is refused', async () => {
    const never = { ...tools, timeoutMs: 1, run: () => Promise.reject(new Error('child')) };
    for (const fs of ['ext4', 'xfs', 'btrfs'] as const) {
      expect(await check(healthy[fs], { fsType: fs, repair: true }, never)).toEqual({ clean: true });
    }
    await expect(check(healthy.xfs, { fsType: 'ext4', repair: true }, tools)).rejects.toMatchObject({
      code: 'data_loss',
      details: { expected: 'ext4' },
    });
  });
});
