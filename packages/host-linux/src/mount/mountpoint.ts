/** The directory that is mounted over: made for the mount, immutable while nothing is mounted, removed afterwards (S20). */
import { closeSync, constants, mkdirSync, openSync, realpathSync, rmdirSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { VolumeError } from '@rexray/core';
import { AT_FDCWD, closeFd, errnoCode, fdPath, O_PATH, openat2, RESOLVE, setImmutable } from '@rexray/kernel';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** Others may pass through to the volumes that they were given, but not look around. */
const ROOT_MODE = 0o711;
const POINT_MODE = 0o700;

/** Where a target really is: as the kernel writes it in the mount table. The last part is never followed. */
export function canonicalTarget(target: string): string {
  if (!isAbsolute(target) || normalize(target) !== target || target.endsWith('/') || target.includes('\0')) {
    throw new VolumeError('invalid', `"${target}" is not an absolute, plain path to mount at.`, {
      details: { path: 'target', value: target, expected: 'an absolute path without . and ..' },
    });
  }
  try {
    return join(realpathSync.native(dirname(target)), basename(target));
  } catch (e) {
    if (errnoCode(e) === 'ENOENT') return target;
    throw e;
  }
}

/** Makes the directory and those above it. @returns a descriptor of it (O_PATH) that no symbolic link led to; `closeFd` it. */
export function makeMountpoint(target: string): number {
  mkdirSync(dirname(target), { recursive: true, mode: ROOT_MODE });
  const parent = openat2(AT_FDCWD, dirname(target), { flags: O_PATH | O_DIRECTORY });
  try {
    const made = makeDir(join(fdPath(parent), basename(target)));
    const fd = openPoint(parent, target);
    if (made) protect(parent, basename(target), true);
    return fd;
  } finally {
    closeFd(parent);
  }
}

function makeDir(path: string): boolean {
  try {
    mkdirSync(path, { mode: POINT_MODE });
    return true;
  } catch (e) {
    if (errnoCode(e) === 'EEXIST') return false;
    throw e;
  }
}

function openPoint(parent: number, target: string): number {
  const resolve = RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH;
  try {
    return openat2(parent, basename(target), { flags: O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve });
  } catch (e) {
    const code = errnoCode(e);
    if (code !== 'ELOOP' && code !== 'ENOTDIR') throw e;
    const found = code === 'ELOOP' ? 'a symbolic link' : 'not a directory';
    throw new VolumeError('denied', `${target} is ${found}; nothing is mounted there.`, {
      details: { rule: 'S20', found, where: target },
      hint: 'Remove it and try again.',
    });
  }
}

/** Sets or clears the immutable flag of a directory, where its file system has one. */
function protect(parent: number, name: string, on: boolean): void {
  let fd: number;
  try {
    fd = openSync(join(fdPath(parent), name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch {
    return;
  }
  try {
    setImmutable(fd, on);
  } catch (e) {
    if (!['ENOTTY', 'EOPNOTSUPP', 'EPERM', 'EINVAL'].includes(errnoCode(e) ?? '')) throw e;
  } finally {
    closeSync(fd);
  }
}

/** Removes the directory. Pre-state: nothing mounted. One with content stays, and stays protected. */
export function removeMountpoint(target: string): void {
  let parent: number;
  try {
    parent = openat2(AT_FDCWD, dirname(target), { flags: O_PATH | O_DIRECTORY });
  } catch {
    return;
  }
  try {
    protect(parent, basename(target), false);
    rmdirSync(join(fdPath(parent), basename(target)));
  } catch (e) {
    const code = errnoCode(e);
    if (code === 'ENOTEMPTY') protect(parent, basename(target), true);
    else if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EBUSY') throw e;
  } finally {
    closeFd(parent);
  }
}
