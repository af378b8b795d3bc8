import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FS_TYPES, type FsType } from '@rexray/core';
import { Cleanup, suite } from '@rexray/rig';
import { afterAll, describe, expect, test } from 'vitest';
import { mkfsArgs } from '../src/fs/format.ts';
import { check, format, MIN_FS_BYTES, newUuid, type Place, probe } from '../src/fs/index.ts';
import {
  asDisk,
  FS_MIB,
  hash,
  MIB,
  mkfs,
  OTHER,
  PROGRAMS,
  placeOf,
  put,
  sh,
  shorten,
  sparse,
  tools,
  UUID,
} from './fs-images.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const dir = cleanup.tempDir();
const SOUND: Readonly<Record<FsType, [string, ...string[]]>> = {
  ext4: ['e2fsck', '-fn'],
  xfs: ['xfs_repair', '-n'],
  btrfs: ['btrfs', 'check', '--readonly'],
};
const fresh = { fresh: true, force: false };

suite('format', { programs: { ...PROGRAMS, wipefs: 'util-linux' } }, () => {
  test.each(FS_TYPES)('%s: planned UUID and label, clean, sound; again: refused', async (fsType) => {
    const place = sparse(dir, `format-${fsType}.img`, FS_MIB[fsType]);
    await format(place, { fsType, uuid: UUID, options: { label: 'data-1' } }, tools);
    expect(await probe(place, { prove: true }, tools)).toMatchObject({
      verdict: 'fs',
      fsType,
      uuid: UUID,
      label: 'data-1',
      clean: true,
    });
    sh(...SOUND[fsType], place.path);
    const before = hash(place);
    for (const uuid of [UUID, OTHER]) {
      await expect(format(place, { fsType, uuid, options: {} }, tools)).rejects.toMatchObject({
        code: 'denied',
        details: { rule: 'S2' },
      });
    }
    expect(hash(place)).toBe(before);
  });

  test("S3: wipe, a person's verb, puts any file system over any other and leaves no second signature", async () => {
    const place = sparse(dir, 'wipe.img', 320);
    let n = 0;
    for (const fsType of ['btrfs', 'ext4', 'xfs', 'btrfs', 'xfs', 'ext4', 'ext4'] as const) {
      const uuid = UUID.replace(/^1/, String(n++));
      await format(place, { fsType, uuid, options: {}, wipe: true }, tools);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', fsType, uuid });
      expect(sh('blkid', '-p', '-o', 'value', '-s', 'TYPE', place.path)).toBe(fsType);
    }
  });

  test.each(FS_TYPES)('%s: the least size works, less is out of range with the number', async (fsType) => {
    const min = MIN_FS_BYTES[fsType];
    const place = sparse(dir, `min-${fsType}.img`, min / MIB);
    await format(place, { fsType, uuid: UUID, options: {} }, tools);
    const less = shorten(sparse(dir, `less-${fsType}.img`, min / MIB), min - 4096);
    await expect(format(less, { fsType, uuid: UUID, options: {} }, tools)).rejects.toMatchObject({
      code: 'out_of_range',
      details: { min },
    });
  });

  test('every documented option is accepted by the real mkfs', async () => {
    const all: Readonly<Record<FsType, Record<string, string>>> = {
      ext4: { label: 'a', blockSize: '1024', inodeSize: '512', inodeRatio: '8192', reservedPercent: '0' },
      xfs: { label: 'a', blockSize: '2048', inodeSize: '1024', reflink: '0' },
      btrfs: { label: 'a', nodeSize: '4096', metadata: 'single' },
    };
    for (const fsType of FS_TYPES) {
      const place = sparse(dir, `options-${fsType}.img`, FS_MIB[fsType]);
      await format(place, { fsType, uuid: UUID, options: all[fsType] }, tools);
      expect((await probe(place, { prove: true }, tools)).label).toBe('a');
    }
  });

  test('S25: ext4 made here changes its UUID in the superblock alone', async () => {
    const place = sparse(dir, 'seed.img', 64);
    await format(place, { fsType: 'ext4', uuid: UUID, options: {} }, tools);
    expect(sh('dumpe2fs', '-h', place.path)).toMatch(/metadata_csum_seed/);
  });

  test('the image stays sparse', async () => {
    for (const fsType of ['ext4', 'btrfs'] as const) {
      const place = sparse(dir, `sparse-${fsType}.img`, 4096);
      await format(place, { fsType, uuid: UUID, options: {} }, tools);
      expect(Number(sh('du', '-k', place.path).split('\t')[0])).toBeLessThan(8 * 1024);
    }
  });

  test('a disk without proof is formatted without force, and its journal is zeroed', async () => {
    const place = put(sparse(dir, 'disk.img', 64), 40 * MIB, Buffer.alloc(MIB, 7));
    await format(asDisk(place), { fsType: 'ext4', uuid: UUID, options: {} }, tools);
    expect(await check(place, { fsType: 'ext4', repair: true }, tools)).toEqual({ clean: true });
    sh('e2fsck', '-fn', place.path);
  });
});

describe('format: arguments', () => {
  const place: Place = { path: '/dev/x', sizeBytes: 64 * MIB };
  test('S21: unknown names and bad values are invalid, before anything runs', async () => {
    const never = { ...tools, timeoutMs: 1, run: () => Promise.reject(new Error('child')) };
    const bad: readonly [FsType, Record<string, string>][] = [
      ['xfs', { logdev: '/dev/sdb' }],
      ['ext4', { '-d': '/etc' }],
      ['ext4', { __proto__: 'x', constructor: 'x' }],
      ['ext4', { label: '-x y' }],
      ['ext4', { label: 'longer-than-sixteen' }],
      ['ext4', { blockSize: '4096 -d /etc' }],
      ['ext4', { blockSize: '512' }],
      ['ext4', { reservedPercent: '51' }],
      ['xfs', { label: 'thirteen-char' }],
      ['xfs', { inodeSize: '512,align=1' }],
      ['btrfs', { metadata: 'raid1' }],
      ['btrfs', { rootdir: '/etc' }],
    ];
    for (const [fsType, options] of bad) {
      const sized = { ...place, sizeBytes: 1024 * MIB };
      await expect(
        format(sized, { fsType, uuid: UUID, options }, never),
        JSON.stringify(options),
      ).rejects.toMatchObject({
        code: 'invalid',
      });
    }
    const notOurs = { fsType: 'vfat' as FsType, uuid: UUID, options: {} };
    await expect(format(place, notOurs, never)).rejects.toMatchObject({ code: 'invalid' });
    const noUuid = { fsType: 'ext4', uuid: 'random', options: {} } as const;
    await expect(format(place, noUuid, never)).rejects.toMatchObject({ code: 'invalid' });
  });

  test('the device is the last argument, after --; nothing is forced on blank ground', () => {
    for (const fsType of FS_TYPES) {
      const args = mkfsArgs(place, { fsType, uuid: UUID, options: { label: 'a' } }, fresh);
      expect(args.slice(-2)).toEqual(['--', '/dev/x']);
      expect(args).not.toContain('-f');
      expect(args).not.toContain('-F');
    }
  });

  test('a missing mkfs names its package', async () => {
    const image = sparse(dir, 'no-mkfs.img', 64);
    for (const run of [
      () => Promise.reject(Object.assign(new Error('spawn'), { code: 'ENOENT' })),
      () => Promise.resolve({ exitCode: 127, stdout: '', stderr: 'setpriv: failed to execute mkfs.ext4' }),
    ]) {
      const asked = format(image, { fsType: 'ext4', uuid: UUID, options: {} }, { ...tools, run, timeoutMs: 1000 });
      await expect(asked).rejects.toMatchObject({ code: 'unavailable', hint: expect.stringContaining('e2fsprogs') });
    }
  });
});

suite('S1: a killed mkfs', { programs: PROGRAMS }, () => {
  const KILLS = 12;
  test.each(FS_TYPES)('%s, killed at random points: never foreign, the same UUID can be made again', async (fsType) => {
    const seen: Record<string, number> = {};
    const started = performance.now();
    await format(sparse(dir, `whole-${fsType}.img`, FS_MIB[fsType]), { fsType, uuid: UUID, options: {} }, tools);
    const whole = performance.now() - started;
    for (let n = 0; n < KILLS; n++) {
      const place = sparse(dir, `killed-${fsType}.img`, FS_MIB[fsType]);
      const child = spawn(`mkfs.${fsType}`, mkfsArgs(place, { fsType, uuid: UUID, options: {} }, fresh), {
        stdio: 'ignore',
        env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      });
      await delay((n * whole) / KILLS);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const found = await probe(placeOf(place.path), { prove: true }, tools);
      seen[found.verdict] = (seen[found.verdict] ?? 0) + 1;
      expect(found.verdict, found.found).not.toBe('foreign');
      if (found.uuid !== undefined) expect(found.uuid).toBe(UUID);
      if (found.verdict === 'fs') {
        // What verifies was finished: it is adopted, not made again.
        sh(...SOUND[fsType], place.path);
        continue;
      }
      if (found.verdict === 'damaged') {
        await expect(format(place, { fsType, uuid: OTHER, options: {} }, tools)).rejects.toMatchObject({
          code: 'denied',
        });
      }
      await format(place, { fsType, uuid: UUID, options: {} }, tools);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', fsType, uuid: UUID });
    }
    console.log(`${fsType} killed ${KILLS} times:`, JSON.stringify(seen));
  });
});

suite('S25: a new UUID', { programs: { ...PROGRAMS, tune2fs: 'e2fsprogs', btrfstune: 'btrfs-progs' } }, () => {
  const never = (): Promise<void> => Promise.reject(new Error('a clean log is not replayed'));
  const variants: readonly [FsType, string[]][] = [
    ['ext4', []],
    ['ext4', ['-O', '^metadata_csum']],
    ['ext4', ['-O', 'metadata_csum_seed']],
    ['xfs', []],
    ['xfs', ['-m', 'crc=0,finobt=0,reflink=0,rmapbt=0']],
    ['btrfs', []],
  ];
  test.each(variants)('%s %s: changed, sound, repeatable, and back again', async (fsType, args) => {
    const place = mkfs(sparse(dir, `uuid-${fsType}.img`, FS_MIB[fsType]), fsType, ...args);
    for (const uuid of [OTHER, OTHER, UUID, OTHER]) {
      await newUuid(place, { fsType, uuid }, never, tools);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid, clean: true });
      sh(...SOUND[fsType], place.path);
    }
  });

  test.each(FS_TYPES)('%s: killed half-way, the next call finishes it', async (fsType) => {
    const wait = { ext4: 4, xfs: 200, btrfs: 8 }[fsType];
    for (let n = 0; n < 6; n++) {
      const place = mkfs(sparse(dir, `uuid-kill-${fsType}.img`, FS_MIB[fsType]), fsType);
      const dying = {
        ...tools,
        timeoutMs: Math.max(1, Math.round((n * wait) / 6)),
        run: (file: string, a: readonly string[], o: { timeoutMs: number }) =>
          tools.run('timeout', ['-s', 'KILL', `${o.timeoutMs / 1000}`, file, ...a], { timeoutMs: 5000 }),
      };
      await newUuid(place, { fsType, uuid: OTHER }, never, dying).catch(() => {});
      await newUuid(place, { fsType, uuid: OTHER }, never, tools);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid: OTHER, clean: true });
      sh(...SOUND[fsType], place.path);
    }
  });

  test('btrfs: another UUID than the one that was begun, and after metadata_uuid', async () => {
    const place = mkfs(sparse(dir, 'uuid-begun.img', 128), 'btrfs');
    const third = '88888888-2222-4333-8444-555555555555';
    for (const ms of [2, 4, 5, 6, 7, 8]) {
      const killed = ['-s', 'KILL', `${ms / 1000}`, 'btrfstune', '-f', '-U', third, place.path];
      await tools.run('timeout', killed, { timeoutMs: 5000 });
      await newUuid(place, { fsType: 'btrfs', uuid: OTHER }, never, tools);
      expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid: OTHER, clean: true });
    }
    sh('btrfstune', '-f', '-M', third, place.path);
    await newUuid(place, { fsType: 'btrfs', uuid: UUID }, never, tools);
    expect(await probe(place, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid: UUID, clean: true });
    sh(...SOUND.btrfs, place.path);
  });

  test('what is no file system gets none, and stays as it is', async () => {
    const place = put(sparse(dir, 'no-fs.img', 64), 5000, 'data');
    const before = hash(place);
    for (const fsType of FS_TYPES) {
      await expect(newUuid(place, { fsType, uuid: OTHER }, never, tools)).rejects.toMatchObject({ code: 'data_loss' });
    }
    expect(hash(place)).toBe(before);
  });
});
