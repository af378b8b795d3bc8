import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, suite } from '@rexray/rig';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { sampleRanges } from '../src/fs/blank.ts';
import { format, probe } from '../src/fs/index.ts';
import { asDisk, hash, MIB, OTHER, PROGRAMS, pipe, placeOf, put, sh, sparse, tools } from './fs-images.ts';

const programs = {
  ...PROGRAMS,
  blkid: 'util-linux',
  mkswap: 'util-linux',
  sfdisk: 'fdisk',
  sgdisk: 'gdisk',
  'mkfs.vfat': 'dosfstools',
  zip: 'zip',
  cryptsetup: 'cryptsetup-bin',
} as const;

suite('S2: blank is proven or it is not said', { programs }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const dir = cleanup.tempDir();

  test('an empty image is blank when proof is asked for, and only then', async () => {
    const place = sparse(dir, 'empty.img', 64);
    expect(await probe(place, { prove: true }, tools)).toEqual({ verdict: 'blank' });
    expect(await probe(asDisk(place), { prove: true }, tools)).toEqual({ verdict: 'blank' });
    expect((await probe(place, { prove: false }, tools)).verdict).toBe('unknown');
    expect((await probe(asDisk(place), { prove: false }, tools)).verdict).toBe('unknown');
  });

  test('zeros that were written are extents: an image with them is not proven blank', async () => {
    const place = put(sparse(dir, 'written-zeros.img', 16), 8 * MIB, Buffer.alloc(4096));
    expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'unknown', at: 8 * MIB });
  });

  test("a backing file that is not the device's does not prove it blank", async () => {
    const device = put(sparse(dir, 'device.img', 16), 100, 'x');
    const stranger = sparse(dir, 'stranger.img', 16);
    const found = await probe({ ...device, backing: stranger.path }, { prove: true }, tools);
    expect(found).toMatchObject({ verdict: 'unknown', at: 100 });
  });

  test('one byte that is not zero, anywhere, in an image or a small disk: never blank', async () => {
    const size = 64 * MIB;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.nat(size - 1),
          fc.nat(8191),
          fc.nat(8191).map((n) => size - 1 - n),
        ),
        fc.integer({ min: 1, max: 255 }),
        async (at, byte) => {
          const place = put(sparse(dir, 'one-byte.img', 64), at, [byte]);
          for (const seen of [place, asDisk(place)]) {
            const found = await probe(seen, { prove: true }, tools);
            expect(found.verdict).not.toBe('blank');
            expect(found.verdict).not.toBe('fs');
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a large disk is sampled: both ends, the places of backups, 1,024 spread blocks', async () => {
    const size = 1024 ** 4 + 12_345 * 512;
    const covers = (at: number): boolean => sampleRanges(size).some(([from, n]) => at >= from && at < from + n);
    for (const at of [0, 16 * MIB - 1, size - 1, size - 16 * MIB, 65536, 64 * MIB, 256 * 1024 ** 3]) {
      expect(covers(at), String(at)).toBe(true);
    }
    expect(covers(32768 * 4096) && covers(3 * 32768 * 4096) && covers(8193 * 1024)).toBe(true);
    expect(sampleRanges(size).filter(([, n]) => n === 65536)).toHaveLength(1024);
    const big = { ...asDisk(sparse(dir, 'big.img', 4096)), sizeBytes: 4096 * MIB };
    expect((await probe(big, { prove: true }, tools)).verdict).toBe('blank');
    put(big, 4096 * MIB - 100, 'x');
    expect(await probe(big, { prove: true }, tools)).toMatchObject({ verdict: 'unknown', at: 4096 * MIB - 100 });
  });

  test('a disk that is shorter than it claims is not proven', async () => {
    const place = { ...asDisk(sparse(dir, 'short.img', 16)), sizeBytes: 64 * MIB };
    expect((await probe(place, { prove: true }, tools)).verdict).toBe('unknown');
  });

  const make: Readonly<Record<string, readonly [expected: RegExp, make: (path: string) => unknown]>> = {
    luks1: [/LUKS header/, (p) => luks(p, 'luks1')],
    luks2: [/LUKS header/, (p) => luks(p, 'luks2')],
    'luks2 without its first header': [
      /secondary LUKS2/,
      (p) => {
        luks(p, 'luks2');
        put(placeOf(p), 0, Buffer.alloc(4096));
      },
    ],
    gpt: [/GPT/, (p) => sh('sgdisk', '-n', '1:0:0', p)],
    'gpt, primary gone': [
      /backup GPT/,
      (p) => {
        sh('sgdisk', '-n', '1:0:0', p);
        put(placeOf(p), 0, Buffer.alloc(34 * 512));
      },
    ],
    mbr: [/MBR/, (p) => pipe('label: dos\n2048,,83\n', 'sfdisk', '-q', p)],
    swap: [/swap/, (p) => sh('mkswap', p)],
    'swap, 64 KiB pages': [/swap/, (p) => sh('mkswap', '-p', '65536', p)],
    vfat: [/FAT/, (p) => sh('mkfs.vfat', p)],
    minix: [/minix/, (p) => sh('mkfs.minix', p)],
    text: [/plain text/, (p) => put(placeOf(p), 0, 'The quick brown fox jumps over the lazy dog.\n')],
    'md 0.90': [/md raid.*0\.90/, (p) => put(placeOf(p), 64 * MIB - 65536, [0xfc, 0x4e, 0x2b, 0xa9])],
    'md 1.0': [/md raid.*1\.0/, (p) => put(placeOf(p), 64 * MIB - 16 * 512, [0xfc, 0x4e, 0x2b, 0xa9])],
    'md 1.1': [/md raid.*1\.1/, (p) => put(placeOf(p), 0, [0xfc, 0x4e, 0x2b, 0xa9])],
    'md 1.2': [/md raid.*1\.2/, (p) => put(placeOf(p), 4096, [0xfc, 0x4e, 0x2b, 0xa9])],
    zfs: [/ZFS/, (p) => put(placeOf(p), 256 * 1024 + 128 * 1024 + 3072, [0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0])],
    gzip: [/gzip/, (p) => put(placeOf(p), 0, [0x1f, 0x8b, 8, 0])],
    zip: [
      /zip/,
      (p) => {
        const text = join(dir, 'text');
        writeFileSync(text, 'x'.repeat(1000));
        sh('zip', '-q', `${text}.zip`, text);
        sh('dd', `if=${text}.zip`, `of=${p}`, 'conv=notrunc', 'status=none');
      },
    ],
    noise: [/written blocks|data/, (p) => put(placeOf(p), 12_345_678, [0xde, 0xad])],
  };
  const luks = (path: string, type: string): unknown =>
    pipe(
      'secret',
      'cryptsetup',
      'luksFormat',
      '-q',
      '--type',
      type,
      '--pbkdf',
      'pbkdf2',
      '--pbkdf-force-iterations',
      '1000',
      path,
      '-',
    );

  test.each(Object.entries(make))(
    '%s: named, never blank, never formatted, unchanged',
    async (name, [expected, doIt]) => {
      const place = sparse(dir, `${name.replace(/\W/g, '-')}.img`, 64);
      doIt(place.path);
      const before = hash(place);
      for (const seen of [place, asDisk(place)]) {
        const found = await probe(seen, { prove: true }, tools);
        expect(found.verdict).toBe(name === 'noise' ? 'unknown' : 'foreign');
        expect(found.found).toMatch(expected);
        expect(found.at).toBeTypeOf('number');
        if (found.verdict === 'foreign') {
          const asked = format(seen, { fsType: 'ext4', uuid: OTHER, options: {} }, tools);
          await expect(asked).rejects.toMatchObject({ code: 'denied', details: { rule: 'S2' } });
        }
      }
      expect(hash(place)).toBe(before);
    },
  );

  test("a file system inside a container is not taken for the volume's own", async () => {
    const place = sparse(dir, 'both.img', 64);
    sh('mkfs.ext4', '-q', place.path);
    put(place, 512, 'LABELONE');
    expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'foreign', at: 512 });
  });

  test('without blkid nothing is called blank or unknown, and the package is named', async () => {
    const place = put(sparse(dir, 'no-blkid.img', 16), 5 * MIB, 'x');
    const without = {
      ...tools,
      timeoutMs: 1000,
      run: () => Promise.reject(Object.assign(new Error('spawn'), { code: 'ENOENT' })),
    };
    await expect(probe(place, { prove: true }, without)).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('util-linux'),
    });
  });
});
