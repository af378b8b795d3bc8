import { Cleanup, suite } from '@rexray/rig';
import { afterAll, expect, test } from 'vitest';
import { probe } from '../src/fs/index.ts';
import { asDisk, blkid, FS_MIB, hash, MIB, mkfs, PROGRAMS, sparse, tools, UUID } from './fs-images.ts';

suite('probe: healthy file systems', { programs: { ...PROGRAMS, blkid: 'util-linux' } }, () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());
  const dir = cleanup.tempDir();

  const variants: readonly [name: string, fsType: 'ext4' | 'xfs' | 'btrfs', made: string, args: string[]][] = [
    ['ext4', 'ext4', 'ext4', []],
    ['ext4, 4 KiB blocks, label', 'ext4', 'ext4', ['-b', '4096', '-L', 'data']],
    ['ext4, 2 KiB blocks', 'ext4', 'ext4', ['-b', '2048']],
    ['ext4 without checksums', 'ext4', 'ext4', ['-O', '^metadata_csum']],
    ['ext4 without 64bit', 'ext4', 'ext4', ['-O', '^64bit']],
    ['ext4 with checksum seed', 'ext4', 'ext4', ['-O', 'metadata_csum_seed']],
    ['ext3', 'ext4', 'ext3', []],
    ['ext2', 'ext4', 'ext2', []],
    ['xfs', 'xfs', 'xfs', ['-L', 'data']],
    ['xfs, 4 KiB sectors', 'xfs', 'xfs', ['-s', 'size=4096']],
    ['xfs, version 4', 'xfs', 'xfs', ['-m', 'crc=0,finobt=0,reflink=0,rmapbt=0']],
    ['xfs, 1 KiB blocks', 'xfs', 'xfs', ['-b', 'size=1024']],
    ['btrfs', 'btrfs', 'btrfs', ['-L', 'data']],
    ['btrfs, sha256', 'btrfs', 'btrfs', ['--csum', 'sha256']],
    ['btrfs, xxhash', 'btrfs', 'btrfs', ['--csum', 'xxhash']],
    ['btrfs, single metadata', 'btrfs', 'btrfs', ['-m', 'single']],
  ];
  test.each(variants)(
    '%s: type, UUID, label and size as blkid says; clean; nothing written',
    async (name, fs, made, args) => {
      const place = mkfs(sparse(dir, `${name}.img`, FS_MIB[fs]), made, ...args);
      const before = hash(place);
      const found = await probe(place, { prove: true }, tools);
      const other = blkid(place);
      expect(found).toMatchObject({ verdict: 'fs', fsType: made, uuid: UUID, clean: true });
      expect({ type: found.fsType, uuid: found.uuid, label: found.label }).toEqual({
        type: other.TYPE,
        uuid: other.UUID,
        label: other.LABEL,
      });
      expect(found.fsBytes).toBeGreaterThan(FS_MIB[fs] * MIB - MIB);
      expect(found.fsBytes).toBeLessThanOrEqual(FS_MIB[fs] * MIB);
      expect(await probe(asDisk(place), { prove: true }, tools)).toEqual(found);
      expect(hash(place)).toBe(before);
    },
  );

  test('a healthy file system is recognised without a child and in well under a millisecond', async () => {
    const never = {
      ...tools,
      timeoutMs: 1,
      run: () => Promise.reject(new Error('a child was started on the usual way')),
    };
    for (const fs of ['ext4', 'xfs', 'btrfs'] as const) {
      const place = mkfs(sparse(dir, `fast-${fs}.img`, FS_MIB[fs]), fs);
      const took: number[] = [];
      for (let n = 0; n < 50; n++) {
        const t = performance.now();
        expect((await probe(place, { prove: true }, never)).verdict).toBe('fs');
        took.push(performance.now() - t);
      }
      const median = took.sort((a, b) => a - b)[25] as number;
      console.log(`probe ${fs}: ${median.toFixed(3)} ms`);
      expect(median).toBeLessThan(3);
    }
  });
});
