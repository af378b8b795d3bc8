import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type FsType, isVolumeError } from '@rexray/core';
import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { left, type Real, real } from '../src/real.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const SIZE: Record<FsType, `${number}MiB`> = { ext4: '32MiB', xfs: '304MiB', btrfs: '128MiB' };
const SUPERBLOCK: Record<FsType, { at: number; length: number; magicAt: number; magic: number }> = {
  ext4: { at: 1024, length: 1024, magicAt: 1080, magic: 2 },
  xfs: { at: 0, length: 512, magicAt: 0, magic: 4 },
  btrfs: { at: 65536, length: 4096, magicAt: 65600, magic: 8 },
};

function overwrite(path: string, at: number, length: number, byte = 0): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(length, byte), 0, length, at);
  closeSync(fd);
}

const programs = {
  ...XFS,
  ...BTRFS,
  ...EXT4,
  cryptsetup: 'cryptsetup-bin',
  pvcreate: 'lvm2',
  sgdisk: 'gdisk',
  sfdisk: 'fdisk',
  'mkfs.vfat': 'dosfstools',
  zip: 'zip',
};

suite('damage: never formatted, and where refused not a byte changed', { root: true, loop: true, programs }, () => {
  const cleanup = new Cleanup();
  let r: Real;
  let count = 0;
  beforeAll(async () => {
    r = await real(cleanup);
  });
  afterAll(() => cleanup.run());
  afterEach(() => expect(left(r.home)).toEqual([]));

  /** A volume that was formatted and used, with a file in it. */
  async function used(fsType: FsType): Promise<string> {
    count += 1;
    const name = `used-${count}`;
    await r.volumes.create(name, { size: SIZE[fsType], fsType });
    const m = await r.volumes.mount(name, { holder: 'cli' });
    writeFileSync(join(m.path, 'hello'), 'kept');
    await r.volumes.unmount(name, { holder: 'cli' });
    return name;
  }
  /** A volume that was never mounted: the first mount would format it, with the creator's consent. */
  async function fresh(size: `${number}MiB`, fsType: FsType = 'ext4'): Promise<string> {
    count += 1;
    const name = `fresh-${count}`;
    await r.volumes.create(name, { size, fsType, overwriteFs: true });
    return name;
  }
  async function refusedUntouched(name: string, codes: readonly string[]): Promise<string> {
    const before = hash(r.image(name));
    const e = await r.volumes.mount(name, { holder: 'cli' }).then(
      () => undefined,
      (x: unknown) => x,
    );
    if (!isVolumeError(e)) throw new Error(`expected a refusal, got ${String(e)}`);
    expect(codes).toContain(e.code);
    expect(e.message).toContain(name);
    expect(e.hint?.length ?? 0).toBeGreaterThan(20);
    expect(hash(r.image(name))).toBe(before);
    return e.message;
  }

  const types = ['ext4', 'xfs', 'btrfs'] as const;
  it.each(types)('healthy %s mounts, twice', async (fsType) => {
    const name = await used(fsType);
    const m = await r.volumes.mount(name, { holder: 'cli' });
    expect(readFileSync(join(m.path, 'hello'), 'utf8')).toBe('kept');
    await r.volumes.unmount(name, { holder: 'cli' });
  });

  it.each(types)('S1: %s without its magic is refused', async (fsType) => {
    const name = await used(fsType);
    overwrite(r.image(name), SUPERBLOCK[fsType].magicAt, SUPERBLOCK[fsType].magic);
    await refusedUntouched(name, ['data_loss']);
  });
  it.each(types)('S1: %s without its primary superblock is refused', async (fsType) => {
    const name = await used(fsType);
    overwrite(r.image(name), SUPERBLOCK[fsType].at, SUPERBLOCK[fsType].length);
    await refusedUntouched(name, ['data_loss']);
  });
  it.each(types)(
    'S1: %s wiped to zeros is refused: a record that says formatted vetoes every proof',
    async (fsType) => {
      const name = await used(fsType);
      const size = statSync(r.image(name)).size;
      truncateSync(r.image(name), 0);
      truncateSync(r.image(name), size);
      expect(await refusedUntouched(name, ['data_loss'])).toContain(fsType);
    },
  );
  it.each(types)('%s truncated to a third is refused', async (fsType) => {
    const name = await used(fsType);
    const fd = openSync(r.image(name), 'r+');
    ftruncateSync(fd, Math.floor(statSync(r.image(name)).size / 3 / 4096) * 4096);
    closeSync(fd);
    await refusedUntouched(name, ['data_loss', 'invalid']);
  });
  it.each(types)('S1: another %s in its place is refused', async (fsType) => {
    const [a, b] = [await used(fsType), await used(fsType)];
    run('cp', '--sparse=always', r.image(b), r.image(a));
    await refusedUntouched(a, ['data_loss']);
  });
  it('metadata blocks overwritten: it mounts with its file whole, or says so; it is never formatted', async () => {
    for (const fsType of types) {
      const name = await used(fsType);
      const uuid = (await r.volumes.get(name)).fsUuid;
      overwrite(r.image(name), 1024 * 1024, 256 * 1024, 0xa5);
      try {
        const m = await r.volumes.mount(name, { holder: 'cli' });
        try {
          expect(readFileSync(join(m.path, 'hello'), 'utf8')).toBe('kept');
        } catch (e) {
          expect(['EIO', 'EUCLEAN', 'ENOENT', 'ESTALE', 'EBADMSG']).toContain((e as NodeJS.ErrnoException).code);
        }
        await r.volumes.unmount(name, { holder: 'cli' });
      } catch (e) {
        expect(isVolumeError(e, 'data_loss', 'invalid', 'unavailable', 'internal') && e.code).toBe('data_loss');
      }
      expect((await r.volumes.get(name)).fsUuid).toBe(uuid);
    }
  });

  const strangers: Record<string, (image: string) => void> = {
    LUKS: (i) => {
      const quick = ['--batch-mode', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
      execFileSync('cryptsetup', ['luksFormat', ...quick, i, '-'], {
        input: 'secret',
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    },
    LVM: (i) => {
      const fd = openSync(i, 'r+');
      // The label that pvcreate writes into the second sector; making it by hand needs no device-mapper.
      writeSync(fd, 'LABELONE', 512);
      writeSync(fd, 'LVM2 001', 536);
      closeSync(fd);
    },
    GPT: (i) => run('sgdisk', '-n', '1:2048:', i),
    MBR: (i) => execFileSync('sfdisk', [i], { input: '2048,8192,83\n', stdio: ['pipe', 'ignore', 'ignore'] }),
    swap: (i) => run('mkswap', i),
    vfat: (i) => run('mkfs.vfat', i),
    ext4: (i) => run('mkfs.ext4', '-q', i),
    zip: (i) => writeAt(i, zipOf()),
    text: (i) => writeAt(i, Buffer.from('these are somebody’s notes\n')),
  };
  const writeAt = (path: string, data: Buffer): void => {
    const fd = openSync(path, 'r+');
    writeSync(fd, data, 0, data.length, 0);
    closeSync(fd);
  };
  const zipOf = (): Buffer => {
    const dir = cleanup.tempDir();
    writeFileSync(join(dir, 'a'), 'a');
    run('zip', '-q', '-j', join(dir, 'a.zip'), join(dir, 'a'));
    return readFileSync(join(dir, 'a.zip'));
  };
  it.each(Object.keys(strangers).filter((s) => s !== 'text'))(
    'S2: a blank volume that holds %s is refused, consent or not',
    async (what) => {
      const name = await fresh('32MiB');
      strangers[what]?.(r.image(name));
      await refusedUntouched(name, ['denied', 'data_loss']);
      expect((await r.volumes.get(name)).format).toBe('blank');
    },
  );
  it('S2: unknown bytes need the creator’s consent', async () => {
    count += 1;
    const name = `text-${count}`;
    await r.volumes.create(name, { size: '32MiB' });
    strangers.text?.(r.image(name));
    await refusedUntouched(name, ['denied']);
    const willing = await fresh('32MiB');
    overwrite(r.image(willing), 5_000_000, 16, 7);
    await r.volumes.mount(willing, { holder: 'cli' });
    await r.volumes.unmount(willing, { holder: 'cli' });
  });
  it('S3: a wipe needs the present UUID, and then works once', async () => {
    const name = await used('ext4');
    const uuid = (await r.volumes.get(name)).fsUuid ?? '';
    const before = hash(r.image(name));
    await expect(r.volumes.format(name, { wipe: '11111111-2222-3333-4444-555555555555' })).rejects.toThrow(uuid);
    expect(hash(r.image(name))).toBe(before);
    await r.volumes.format(name, { wipe: uuid });
    const now = await r.volumes.get(name);
    expect(now.fsUuid).not.toBe(uuid);
    await expect(r.volumes.format(name, { wipe: uuid })).rejects.toThrow(now.fsUuid);
    const m = await r.volumes.mount(name, { holder: 'cli' });
    expect(() => readFileSync(join(m.path, 'hello'))).toThrow('ENOENT');
    await r.volumes.unmount(name, { holder: 'cli' });
  });
});
