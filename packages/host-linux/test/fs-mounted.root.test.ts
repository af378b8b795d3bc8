import { closeSync, openSync, readdirSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FS_TYPES, type FsType } from '@rexray/core';
import { Cleanup, suite } from '@rexray/rig';
import { afterEach, expect, test } from 'vitest';
import { check, format, grow, newUuid, type Place, probe } from '../src/fs/index.ts';
import { writeInOrder } from '../src/fs/ordered-writes.ts';
import { withReader } from '../src/fs/reader.ts';
import { parseXfs, withLogState } from '../src/fs/xfs.ts';
import { plannedWrites } from '../src/fs/xfs-uuid.ts';
import { copy, FS_MIB, hash, MIB, mkfs, OTHER, PROGRAMS, placeOf, sh, sparse, tools, UUID } from './fs-images.ts';
import { loops } from './fs-loops.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const { attach, mount } = loops(cleanup);

function fsynced(path: string, text: string): void {
  const fd = openSync(path, 'a');
  writeSync(fd, text);
  sh('sync', path);
  closeSync(fd);
}

/** A copy of the image of a mounted file system, as a power cut would leave it. */
function crashCopy(dir: string, fs: FsType): Place {
  const image = mkfs(sparse(dir, `${fs}.img`, FS_MIB[fs]), fs);
  const device = attach(image);
  const target = mount(device, dir);
  sh('sync', '-f', target);
  for (const line of ['one\n', 'two\n', 'three\n']) fsynced(join(target, 'log'), line);
  return copy(dir, image, `${fs}-crashed.img`);
}

/** What `newUuid` is given: mount somewhere private, unmount. */
const replay = (device: Place, dir: string) => async (fs: FsType) => {
  const target = mount(device, dir, ...(fs === 'xfs' ? ['-o', 'nouuid'] : []));
  sh('umount', target);
};

suite('file systems as a crash leaves them', { root: true, loop: true, programs: PROGRAMS }, () => {
  test.each(FS_TYPES)('%s: not clean before, replayed, clean after, nothing fsynced is lost', async (fs) => {
    const dir = cleanup.tempDir();
    const image = crashCopy(dir, fs);
    const before = hash(image);
    expect(await probe(image, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid: UUID, clean: false });
    expect(await check(image, { fsType: fs, repair: false }, tools)).toMatchObject({ clean: false });
    expect(hash(image)).toBe(before);
    const mended = await check(image, { fsType: fs, repair: true }, tools);
    expect(mended.clean).toBe(fs === 'ext4');
    const device = attach(image);
    // The original is still mounted under the same UUID.
    await newUuid(device, { fsType: fs, uuid: OTHER }, replay(device, dir), tools);
    expect(await probe(device, { prove: true }, tools)).toMatchObject({ verdict: 'fs', uuid: OTHER, clean: true });
    const target = mount(device, dir);
    expect(readFileSync(join(target, 'log'), 'utf8')).toBe('one\ntwo\nthree\n');
  });

  test('S25: xfs mounts after every single write of a change of its UUID, and the next call finishes it', async () => {
    const dir = cleanup.tempDir();
    const image = mkfs(sparse(dir, 'xfs.img', 320), 'xfs');
    const first = attach(image);
    const used = mount(first, dir);
    for (let n = 0; n < 300; n++) await appendFile(join(used, `f${n}`), 'x'.repeat(n * 7));
    sh('umount', used);
    const writes = await withReader(image, (reader) => {
      const sb = parseXfs(reader.read(0, 4096), 0, reader.sizeBytes);
      return sb?.kind === 'ok' ? plannedWrites(reader, withLogState(sb, reader), OTHER) : undefined;
    });
    expect(writes).toHaveLength(5);
    for (let n = 0; n <= 5; n++) {
      const cut = copy(dir, image, 'cut.img');
      writeInOrder(cut, (writes ?? []).slice(0, n));
      const mounted = attach(copy(dir, cut, 'cut-mounted.img'));
      sh('umount', mount(mounted, dir));
      await newUuid(cut, { fsType: 'xfs', uuid: OTHER }, () => Promise.reject(new Error('replay')), tools);
      expect(await probe(cut, { prove: false }, tools)).toMatchObject({ verdict: 'fs', uuid: OTHER, clean: true });
      sh('xfs_repair', '-n', cut.path);
    }
  });

  test.each(['xfs', 'btrfs'] as const)('%s: a log that no mount replays is left alone', async (fs) => {
    const image = crashCopy(cleanup.tempDir(), fs);
    const before = hash(image);
    const asked = newUuid(image, { fsType: fs, uuid: OTHER }, async () => {}, tools);
    await expect(asked).rejects.toMatchObject({ code: 'data_loss' });
    expect(hash(image)).toBe(before);
  });

  test('xfs: clean or not is read right after every unmount and every crash of a busy log', async () => {
    const dir = cleanup.tempDir();
    const image = mkfs(sparse(dir, 'busy.img', 320), 'xfs');
    const device = attach(image);
    for (let round = 0; round < 6; round++) {
      const target = mount(device, dir);
      for (let n = 0; n < 40 * round; n++) await appendFile(join(target, `f${round}-${n}`), 'x'.repeat(n * 7));
      fsynced(join(target, 'last'), 'x');
      expect((await probe(copy(dir, image, 'busy-copy.img'), { prove: false }, tools)).clean).toBe(false);
      sh('umount', target);
      expect((await probe(device, { prove: false }, tools)).clean).toBe(true);
    }
  });
});

suite('S2: what stands in a device only', { root: true, loop: true, programs: PROGRAMS }, () => {
  test("data that is still in the loop device's cache is data", async () => {
    const device = attach(sparse(cleanup.tempDir(), 'cached.img', 64));
    expect((await probe(device, { prove: true }, tools)).verdict).toBe('blank');
    const fd = openSync(device.path, 'r+');
    cleanup.add(() => closeSync(fd));
    writeSync(fd, Buffer.from('x'), 0, 1, 33 * MIB + 7);
    expect(await probe(device, { prove: true }, tools)).toMatchObject({ verdict: 'unknown', at: 33 * MIB });
  });

  test.each(FS_TYPES)('%s: formatted on the device, mountable, refused while mounted', async (fsType) => {
    const dir = cleanup.tempDir();
    const device = attach(sparse(dir, 'device.img', FS_MIB[fsType]));
    await format(device, { fsType, uuid: UUID, options: {} }, tools);
    mount(device, dir);
    const wiped = format(device, { fsType, uuid: OTHER, options: {}, wipe: true }, tools);
    await expect(wiped).rejects.toMatchObject({ code: 'in_use' });
    expect(await probe(device, { prove: false }, tools)).toMatchObject({ verdict: 'fs', uuid: UUID });
  });

  test('S1: btrfs is made again with its UUID although a cache still knows that one from a device that is gone', async () => {
    const dir = cleanup.tempDir();
    const gone = mkfs(sparse(dir, 'gone.img', 64), 'ext4');
    const uuid = crypto.randomUUID();
    sh('tune2fs', '-U', uuid, gone.path);
    const first = sh('losetup', '--find', '--show', gone.path).trim();
    await tools.run('blkid', [first], { timeoutMs: 5000 });
    sh('losetup', '-d', first);
    const blocker = attach(sparse(dir, 'blocker.img', 1));
    const device = attach(sparse(dir, 'again.img', 128));
    expect(device.path).not.toBe(blocker.path);
    await format(device, { fsType: 'btrfs', uuid, options: {} }, tools);
    expect(await probe(device, { prove: false }, tools)).toMatchObject({ verdict: 'fs', uuid });
  });

  suite('volume managers', { programs: { pvcreate: 'lvm2' } }, () => {
    test('LVM2', async () => {
      const device = attach(sparse(cleanup.tempDir(), 'lvm.img', 64));
      sh('pvcreate', '-q', '-y', device.path);
      expect(await probe(device, { prove: true }, tools)).toMatchObject({ verdict: 'foreign', at: 512 });
    });
  });
});

suite('S17: growing', { root: true, loop: true, programs: PROGRAMS }, () => {
  const bigger = (device: Place, mib: number): Place => {
    truncateSync(device.backing as string, mib * MIB);
    sh('losetup', '--set-capacity', device.path);
    return { ...device, sizeBytes: mib * MIB };
  };

  test.each(FS_TYPES)('%s: at the mount point, or refused with a reason; data stays', async (fsType) => {
    const dir = cleanup.tempDir();
    let device = attach(sparse(dir, 'grow.img', FS_MIB[fsType]));
    await format(device, { fsType, uuid: UUID, options: {} }, tools);
    const target = mount(device, dir);
    fsynced(join(target, 'kept'), 'kept');
    device = bigger(device, FS_MIB[fsType] * 2);
    const online = await grow(device, { fsType, target }, tools);
    if (fsType === 'ext4' && !online.grown) expect(online.why).toMatch(/CAP_SYS_RESOURCE/);
    else expect(online).toMatchObject({ grown: true, fsBytes: FS_MIB[fsType] * 2 * MIB });
    expect((await grow(device, { fsType, target }, tools)).grown).toBe(online.grown);
    sh('umount', target);
    const offline = await grow(device, { fsType }, tools);
    expect(offline).toMatchObject({ grown: true, fsBytes: FS_MIB[fsType] * 2 * MIB });
    const larger = await grow(bigger(device, FS_MIB[fsType] * 3), { fsType }, tools);
    expect(larger.grown).toBe(fsType === 'ext4');
    if (!larger.grown) expect(larger.why).toMatch(/mounted/);
    const again = mount(device, dir);
    expect(readFileSync(join(again, 'kept'), 'utf8')).toBe('kept');
  });

  test('ext4: a killed resize2fs is taken back, by the next growth or by the check before a mount', async () => {
    const dir = cleanup.tempDir();
    const healthy = mkfs(sparse(dir, 'small.img', 64), 'ext4', '-b', '4096');
    const mine = { ...tools, scratchDir: dir };
    for (let ms = 1; ms <= 16; ms++) {
      const image = copy(dir, healthy, 'killed.img');
      truncateSync(image.path, 2048 * MIB);
      const place = placeOf(image.path);
      const run: typeof tools.run = (file, args, o) =>
        file === 'resize2fs'
          ? tools.run('timeout', ['-s', 'KILL', `${ms / 1000}`, file, ...args], o)
          : tools.run(file, args, o);
      const dying: typeof tools.run = async (file, args, o) => {
        const said = await run(file, args, o);
        if (file === 'resize2fs' && said.exitCode !== 0) throw new Error('killed with its parent');
        return said;
      };
      await grow(place, { fsType: 'ext4' }, { ...mine, run: dying }).catch(() => {});
      if (ms % 2 === 0) {
        expect(await check(place, { fsType: 'ext4', repair: true }, mine)).toMatchObject({ clean: true });
      }
      const grown = await grow(place, { fsType: 'ext4' }, mine);
      expect(grown).toMatchObject({ grown: true, fsBytes: 2048 * MIB });
      sh('e2fsck', '-fn', place.path);
    }
    expect(readdirSync(dir).filter((name) => name.includes('undo'))).toEqual([]);
  });

  suite('copied', { programs: { strace: 'strace' } }, () => {
    test('ext4: a killed resize2fs is taken back in a copy (S25), and then in the original as well', async () => {
      const dir = cleanup.tempDir();
      const healthy = mkfs(sparse(dir, 'small.img', 64), 'ext4', '-b', '4096');
      let undone = 0;
      for (const at of [1, 20, 40, 60, 80]) {
        const run: typeof tools.run = async (file, args, o) => {
          if (file !== 'resize2fs') return tools.run(file, args, o);
          const inject = ['-o', '/dev/null', '-e', 'trace=pwrite64', '-e', `inject=pwrite64:signal=KILL:when=${at}`];
          await tools.run('strace', [...inject, file, ...args], o);
          throw new Error('killed with its parent');
        };
        const mine = { ...tools, scratchDir: dir };
        const image = copy(dir, healthy, 'original.img');
        truncateSync(image.path, 2048 * MIB);
        const original = placeOf(image.path);
        await grow(original, { fsType: 'ext4' }, { ...mine, run }).catch(() => {});
        const taken = copy(dir, original, 'taken.img');
        await newUuid(taken, { fsType: 'ext4', uuid: OTHER }, () => Promise.reject(new Error('replay')), mine);
        sh('e2fsck', '-fn', taken.path);
        const { said } = await check(original, { fsType: 'ext4', repair: true }, mine);
        if (said?.includes('taken back') === true) undone += 1;
        sh('e2fsck', '-fn', original.path);
      }
      expect(undone).toBeGreaterThan(0);
    });
  });

  test('never smaller: a device shorter than its file system is data loss, and stays as it is', async () => {
    const dir = cleanup.tempDir();
    for (const fs of FS_TYPES) {
      const image = mkfs(sparse(dir, `${fs}.img`, FS_MIB[fs]), fs);
      truncateSync(image.path, (FS_MIB[fs] - 16) * MIB);
      const cut = placeOf(image.path);
      const before = hash(cut);
      await expect(grow(cut, { fsType: fs }, tools)).rejects.toMatchObject({ code: 'data_loss' });
      expect(hash(cut)).toBe(before);
    }
  });
});
