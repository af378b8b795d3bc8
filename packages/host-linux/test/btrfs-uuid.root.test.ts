import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BTRFS, Cleanup, suite } from '@rexray/rig';
import { afterEach, expect, test } from 'vitest';
import { BTRFS_SB_AT, BTRFS_SB_BYTES, writeChecksum } from '../src/fs/btrfs.ts';
import { plannedBtrfsWrites } from '../src/fs/btrfs-uuid.ts';
import { newUuid, type Place, probe } from '../src/fs/index.ts';
import { writeInOrder } from '../src/fs/ordered-writes.ts';
import { withReader } from '../src/fs/reader.ts';
import { copy, hash, mkfs, OTHER, put, sh, sparse, tools, UUID } from './fs-images.ts';
import { loops } from './fs-loops.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const { mount } = loops(cleanup);

const THIRD = '88888888-2222-4333-8444-555555555555';
const FILES = 200;
const never = (): Promise<void> => Promise.reject(new Error('a clean log is not replayed'));
const sound = (place: Place): string => sh('btrfs', 'check', '--readonly', place.path);

/** A btrfs that has been through `btrfstune -M`: its metadata has another UUID than its superblock. */
function throughM(dir: string): Place {
  const made = mkfs(sparse(dir, 'made.img', 128), 'btrfs');
  const used = mount(made, dir);
  for (let n = 0; n < FILES; n++) appendFileSync(join(used, `f${n}`), 'x'.repeat(n * 7));
  sh('sync', '-f', used);
  sh('umount', used);
  // Not the image itself: where a mount namespace was copied meanwhile, it is still mounted there.
  const image = copy(dir, made, 'through-m.img');
  sh('btrfstune', '-f', '-M', THIRD, image.path);
  return image;
}

async function finished(dir: string, place: Place): Promise<void> {
  await newUuid(place, { fsType: 'btrfs', uuid: OTHER }, never, tools);
  expect(await probe(place, { prove: false }, tools)).toMatchObject({ verdict: 'fs', uuid: OTHER, clean: true });
  sound(place);
  const used = mount(copy(dir, place, 'finished.img'), dir);
  expect(readdirSync(used)).toHaveLength(FILES);
  expect(readFileSync(join(used, 'f9'), 'utf8')).toHaveLength(63);
  sh('umount', used);
}

suite('S25: a btrfs whose metadata keeps another UUID', { root: true, loop: true, programs: BTRFS }, () => {
  test('mounts after every single write of the change, and the next call finishes it', async () => {
    const dir = cleanup.tempDir();
    const image = throughM(dir);
    const writes = (await withReader(image, (reader) => plannedBtrfsWrites(reader, OTHER))) ?? [];
    expect(writes.map((w) => w.at)).toEqual([64 * 1024 ** 2, 65536]);
    for (let n = 0; n <= writes.length; n++) {
      const cut = copy(dir, image, `cut-${n}.img`);
      writeInOrder(cut, writes.slice(0, n));
      sh('umount', mount(copy(dir, cut, `mounted-${n}.img`), dir));
      await finished(dir, cut);
    }
  });

  test('back to the UUID of its metadata: as it was made', async () => {
    const image = throughM(cleanup.tempDir());
    await newUuid(image, { fsType: 'btrfs', uuid: UUID }, never, tools);
    sound(image);
    expect(sh('btrfs', 'inspect-internal', 'dump-super', image.path)).not.toContain('METADATA_UUID');
  });

  test('S24: errors that the kernel recorded: refused, and every byte is as before', async () => {
    const image = mkfs(sparse(cleanup.tempDir(), 'failed.img', 128), 'btrfs');
    const block = await withReader(image, (reader) => reader.read(BTRFS_SB_AT, BTRFS_SB_BYTES));
    block.writeBigUInt64LE(block.readBigUInt64LE(0x38) | (1n << 2n), 0x38);
    writeChecksum(block);
    put(image, BTRFS_SB_AT, block);
    const before = hash(image);
    await expect(newUuid(image, { fsType: 'btrfs', uuid: OTHER }, never, tools)).rejects.toMatchObject({
      code: 'data_loss',
      message: expect.stringContaining('the kernel recorded errors'),
      hint: expect.stringContaining('Remove the copy and make it again'),
    });
    expect(hash(image)).toBe(before);
  });

  suite('killed', { programs: { strace: 'strace' } }, () => {
    test('what a killed `btrfstune -M` leaves is finished', { timeout: 300_000 }, async () => {
      const dir = cleanup.tempDir();
      const image = throughM(dir);
      let unfinished = 0;
      for (let n = 1; unfinished < 3; n += 3) {
        const cut = copy(dir, image, 'cut.img');
        const inject = ['-o', '/dev/null', '-e', 'trace=pwrite64', '-e', `inject=pwrite64:signal=KILL:when=${n}`];
        const killed = [...inject, 'btrfstune', '-f', '-M', UUID.replace('1', '7'), cut.path];
        if ((await tools.run('strace', killed, { timeoutMs: 20_000 })).exitCode === 0) break;
        if ((await probe(cut, { prove: false }, tools)).clean !== false) continue;
        unfinished += 1;
        await finished(dir, cut);
      }
      expect(unfinished, 'no kill left a change that had not ended').toBeGreaterThan(0);
    });
  });
});
