import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import {
  AT_FDCWD,
  boundLoops,
  cloneTree,
  closeFd,
  deviceSize,
  errnoCode,
  fdPath,
  findLoops,
  freeze,
  fsMount,
  fsUuid,
  growBtrfs,
  growXfs,
  isImmutable,
  LO_FLAGS,
  type Loop,
  loopAdd,
  loopAttach,
  loopConfigure,
  loopDirectIo,
  loopGetFree,
  loopSetCapacity,
  loopStatus,
  MOUNT_ATTR,
  moveMount,
  O_PATH,
  openat2,
  reflink,
  setImmutable,
  setMountAttributes,
  shutdownFs,
  statx,
  syncfs,
  thaw,
  unmount,
  xfsGeometry,
} from '../src/index.ts';

const MIB = 1 << 20;
let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});

function image(mib: number, mkfs?: readonly string[]): { path: string; fd: number } {
  const path = join(cleanup.tempDir(), 'image');
  const fd = openSync(path, 'w+');
  cleanup.add(() => closeSync(fd));
  ftruncateSync(fd, mib * MIB);
  if (mkfs) execFileSync(mkfs[0] ?? '', [...mkfs.slice(1), path], { stdio: 'ignore' });
  return { path, fd };
}
function attach(fd: number, o = {}): Loop {
  const loop = loopAttach(fd, o);
  cleanup.add(() => closeSync(loop.fd));
  return loop;
}
async function mounted(loop: Loop, fsType: string): Promise<{ dir: string; fd: number }> {
  const dir = join(cleanup.tempDir(), 'mnt');
  mkdirSync(dir);
  const target = openat2(AT_FDCWD, dir, { flags: O_PATH });
  const m = await fsMount(fsType, { source: loop.path, attributes: MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV });
  moveMount(m, target);
  closeFd(m);
  closeFd(target);
  cleanup.add(() => unmount(dir));
  const fd = openSync(dir, 'r');
  cleanup.add(() => closeSync(fd));
  return { dir, fd };
}

suite('loop devices', { root: true, loop: true }, () => {
  it('configures, finds by inode, sizes, and lets go on close', () => {
    const { path, fd } = image(8);
    const loop = loopAttach(fd, { directIo: true });
    const { dev, ino } = statSync(path, { bigint: true });
    expect(loopStatus(loop.fd)).toMatchObject({ dev, ino, number: loop.number });
    expect((loopStatus(loop.fd)?.flags ?? 0) & LO_FLAGS.AUTOCLEAR).toBe(LO_FLAGS.AUTOCLEAR);
    expect(typeof loopDirectIo(loop.number)).toBe('boolean');
    const found = findLoops(dev, ino, { lives: () => true });
    expect(found.map((l) => l.number)).toEqual([loop.number]);
    for (const l of found) closeSync(l.fd);
    ftruncateSync(fd, 16 * MIB);
    loopSetCapacity(loop.fd);
    expect(deviceSize(loop.fd)).toBe(16 * MIB);
    closeSync(loop.fd);
    expect(boundLoops()).not.toContain(loop.number);
    expect(findLoops(dev, ino, { lives: () => true })).toEqual([]);
  });

  it('answers EBUSY for a bound device, EINVAL for an impossible block size, EEXIST for a number in use', () => {
    const { fd } = image(1);
    const loop = attach(fd);
    expect(() => loopConfigure(loop.fd, fd)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(() => loopAttach(fd, { blockSize: 123 })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => loopAdd(loop.number)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });

  it('makes more than eight', () => {
    const { fd } = image(1);
    const loops = Array.from({ length: 12 }, () => attach(fd));
    expect(new Set(loops.map((l) => l.number)).size).toBe(12);
    expect(existsSync(`/dev/loop${loopGetFree()}`)).toBe(true);
  });
});

suite('mounting', { root: true, loop: true, programs: EXT4 }, () => {
  it('mounts onto a descriptor, shows the detached mount before, binds, unmounts', async () => {
    const { fd } = image(16, ['mkfs.ext4', '-q', '-U', 'aaaaaaaa-0000-4000-8000-00000000cafe']);
    const loop = attach(fd);
    const m = await fsMount('ext4', { source: loop.path, parameters: [['errors', 'remount-ro']] });
    expect(statSync(`${fdPath(m)}/lost+found`).isDirectory()).toBe(true);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(loop.path);
    closeFd(m);
    const { dir, fd: root } = await mounted(loop, 'ext4');
    expect(fsUuid(root)).toBe('aaaaaaaa-0000-4000-8000-00000000cafe');
    expect(statx(AT_FDCWD, dir).mountRoot).toBe(true);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toContain(`${dir} rw,nosuid,nodev`);
    await expect(unmount(dir)).rejects.toMatchObject({ code: 'EBUSY' });
    const bind = join(cleanup.tempDir(), 'bind');
    mkdirSync(bind);
    const tree = cloneTree(root);
    setMountAttributes(tree, MOUNT_ATTR.RDONLY);
    const target = openSync(bind, 'r');
    moveMount(tree, target);
    closeFd(tree);
    closeSync(target);
    expect(() => writeFileSync(join(bind, 'x'), '')).toThrow(/EROFS/);
    expect(await unmount(bind)).toBe(true);
    expect(await unmount(bind)).toBe(false);
  });

  it('says what a file system says of a bad option', async () => {
    const { fd } = image(16, ['mkfs.ext4', '-q']);
    const loop = attach(fd);
    const bad = fsMount('ext4', { source: loop.path, parameters: [['bogus', '1']] });
    await expect(bad).rejects.toMatchObject({ code: 'EINVAL', said: [expect.stringContaining('bogus')] });
    await expect(fsMount('nofs', {})).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(fsMount('xfs', { source: loop.path })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('freezes, thaws, shuts down; immutable directories', async () => {
    const { fd } = image(16, ['mkfs.ext4', '-q']);
    const { dir, fd: root } = await mounted(attach(fd), 'ext4');
    mkdirSync(join(dir, 'd'));
    const d = openSync(join(dir, 'd'), 'r');
    setImmutable(d, true);
    expect(isImmutable(d)).toBe(true);
    expect(statx(AT_FDCWD, join(dir, 'd')).immutable).toBe(true);
    expect(() => writeFileSync(join(dir, 'd', 'x'), '')).toThrow(/EPERM/);
    setImmutable(d, false);
    closeSync(d);
    await freeze(root);
    await expect(freeze(root)).rejects.toMatchObject({ code: 'EBUSY' });
    expect(await thaw(root)).toBe(true);
    expect(await thaw(root)).toBe(false);
    await syncfs(root);
    await expect(reflink(root, root)).rejects.toThrow();
    await shutdownFs(root);
    expect(() => writeFileSync(join(dir, 'x'), 'x')).toThrow(/EIO/);
  });
});

suite('growth and clones', { root: true, loop: true, programs: { ...XFS, ...BTRFS } }, () => {
  it('grows a mounted xfs and clones a file in it', async () => {
    const { fd } = image(300, ['mkfs.xfs', '-q']);
    const loop = attach(fd);
    const { dir, fd: root } = await mounted(loop, 'xfs');
    const before = xfsGeometry(root);
    expect(before).toMatchObject({ blockSize: 4096, imaxpct: 25 });
    ftruncateSync(fd, 320 * MIB);
    loopSetCapacity(loop.fd);
    await growXfs(root, (320 * MIB) / 4096);
    expect(xfsGeometry(root).blocks).toBe((320 * MIB) / 4096);
    writeFileSync(join(dir, 'a'), 'hello');
    const from = openSync(join(dir, 'a'), 'r');
    const to = openSync(join(dir, 'b'), 'w');
    await reflink(from, to);
    closeSync(from);
    closeSync(to);
    expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('hello');
  });

  it('grows a mounted btrfs', async () => {
    const { fd } = image(256, ['mkfs.btrfs', '-q']);
    const loop = attach(fd);
    const { fd: root } = await mounted(loop, 'btrfs');
    ftruncateSync(fd, 320 * MIB);
    loopSetCapacity(loop.fd);
    await growBtrfs(root);
    await expect(shutdownFs(root)).rejects.toMatchObject({ code: 'ENOTTY' });
    expect(errnoCode(new Error('x'))).toBeUndefined();
  });
});
