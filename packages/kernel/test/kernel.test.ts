import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  AT_FDCWD,
  closeFd,
  dataExtents,
  devnoOf,
  errnoName,
  fdPath,
  isCloexec,
  KernelError,
  O_PATH,
  openat2,
  punchHole,
  RESOLVE,
  seekData,
  setCloexec,
  statx,
  syncfs,
  tryLock,
} from '../src/index.ts';

const dir = mkdtempSync('/tmp/rexray-kernel-');
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const codeOf = (f: () => unknown): string | undefined => {
  try {
    f();
  } catch (e) {
    if (e instanceof KernelError) return e.code;
    throw e;
  }
  return undefined;
};

describe('errors', () => {
  it('names numbers as the manual pages do', () => {
    expect([16, 11, 95, 15, 117, 9999].map(errnoName)).toEqual([
      'EBUSY',
      'EAGAIN',
      'EOPNOTSUPP',
      'ENOTBLK',
      'EUCLEAN',
      'E9999',
    ]);
  });

  it('reads the errno of concurrent async calls right', async () => {
    const calls = Array.from({ length: 40 }, (_, i) =>
      (i % 2 === 0 ? syncfs(-1) : punchHole(openSync(dir, 'r'), 0, 1)).then(
        () => 'ok',
        (e: unknown) => (e as KernelError).code,
      ),
    );
    const codes = await Promise.all(calls);
    expect(codes.filter((_, i) => i % 2 === 0).every((c) => c === 'EBADF')).toBe(true);
    expect(codes.filter((_, i) => i % 2 === 1)).not.toContain('ok');
  });
});

describe('openat2', () => {
  symlinkSync('/etc', join(dir, 'link'));
  it('refuses links and ways out, and its descriptor serves node:fs by path', () => {
    const root = openat2(AT_FDCWD, dir, { flags: O_PATH });
    const resolve = RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH;
    expect(codeOf(() => openat2(root, 'link/hosts', { flags: 0, resolve }))).toBe('ELOOP');
    expect(codeOf(() => openat2(root, '../x', { flags: 0, resolve }))).toBe('EXDEV');
    expect(codeOf(() => openat2(root, 'nothing', { flags: 0, resolve }))).toBe('ENOENT');
    expect(statSync(fdPath(root)).ino).toBe(statSync(dir).ino);
    expect(isCloexec(root)).toBe(true);
    closeFd(root);
    expect(codeOf(() => statx(root))).toBe('EBADF');
  });

  it('statx agrees with stat', () => {
    const s = statSync(dir, { bigint: true });
    const x = statx(AT_FDCWD, dir);
    expect(x.ino).toBe(s.ino);
    expect(x.devno).toBe(devnoOf(s.dev));
    expect(statx(AT_FDCWD, '/dev/null').rdevno).toBe('1:3');
    expect(x.mountId).toBeGreaterThan(0);
  });
});

describe('files', () => {
  it('finds data and holes', async () => {
    const fd = openSync(join(dir, 'sparse'), 'w+');
    ftruncateSync(fd, 1 << 20);
    expect(seekData(fd)).toBeUndefined();
    writeSync(fd, 'x', 512 * 1024);
    expect(seekData(fd)).toBe(512 * 1024);
    expect([...dataExtents(fd)]).toEqual([[512 * 1024, 516 * 1024]]);
    await punchHole(fd, 512 * 1024, 4096);
    expect(seekData(fd)).toBeUndefined();
    closeSync(fd);
  });

  it('locks once, and closing gives it back', () => {
    const path = join(dir, 'lock');
    const a = openSync(path, 'w');
    const b = openSync(path, 'w');
    expect(tryLock(a)).toBe(true);
    expect(tryLock(b)).toBe(false);
    closeSync(a);
    expect(tryLock(b)).toBe(true);
    closeSync(b);
  });

  it('sets close-on-exec of foreign descriptors', () => {
    const fd = openSync(dir, 'r');
    setCloexec(fd, false);
    expect(isCloexec(fd)).toBe(false);
    setCloexec(fd);
    expect(isCloexec(fd)).toBe(true);
    closeSync(fd);
  });
});
