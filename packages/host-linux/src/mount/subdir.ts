/** The directory inside of a volume that callers get. A task may own everything in there: no link is ever followed (S20). */
import { chmodSync, chownSync, constants, mkdirSync, opendirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DataOwner, VolumeError } from '@rexray/core';
import { closeFd, errnoCode, fdPath, O_PATH, openat2, RESOLVE, statx } from '@rexray/kernel';

const PATH_DIR = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const RESOLVE_INSIDE = RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH;
const DEFAULT_MODE = 0o700;

const partsOf = (subdir: string): string[] => subdir.split('/').filter((p) => p !== '');

function refuse(where: string, found: string): VolumeError<'denied'> {
  return new VolumeError('denied', `${where} in the volume is ${found}: it cannot be given to anybody.`, {
    details: { rule: 'S20', found, where },
    hint: 'Mount the volume with the sub-directory "/" and put a plain directory there.',
  });
}

function open(dir: number, name: string, where: string): number | undefined {
  try {
    return openat2(dir, name, { flags: PATH_DIR, resolve: RESOLVE_INSIDE });
  } catch (e) {
    const code = errnoCode(e);
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw refuse(where, 'a symbolic link');
    if (code === 'ENOTDIR') throw refuse(where, 'not a directory');
    throw e;
  }
}

function make(dir: number, name: string, where: string, owner: DataOwner): number {
  mkdirSync(join(fdPath(dir), name), { mode: DEFAULT_MODE });
  const fd = open(dir, name, where);
  if (fd === undefined) throw refuse(where, 'gone just after it was made');
  give(fd, owner);
  return fd;
}

function give(fd: number, owner: DataOwner): void {
  const path = fdPath(fd);
  if (owner.uid !== undefined || owner.gid !== undefined) chownSync(path, owner.uid ?? 0, owner.gid ?? 0);
  chmodSync(path, owner.mode ?? DEFAULT_MODE);
}

/**
 * Walks from the root of a mount (any descriptor) to the sub-directory, making what is missing. Every part must be a real
 * directory of the same file system. @returns its descriptor (O_PATH), for `closeFd`
 * @throws `denied` (S20), `not_found` when it is missing and not to be made
 */
export function openSubdir(
  root: number,
  subdir: string,
  o: { readonly make: boolean; readonly owner: DataOwner },
): number {
  const device = statx(root).devno;
  let dir = openat2(root, '.', { flags: PATH_DIR, resolve: RESOLVE_INSIDE });
  let where = '';
  for (const part of partsOf(subdir)) {
    where += `/${part}`;
    try {
      if (part === '.' || part === '..') throw refuse(where, 'not a plain name');
      const next = open(dir, part, where) ?? (o.make ? make(dir, part, where, o.owner) : undefined);
      if (next === undefined) throw absent(where);
      closeFd(dir);
      dir = next;
      if (statx(dir).devno !== device) throw refuse(where, 'on another file system');
    } catch (e) {
      closeFd(dir);
      throw e;
    }
  }
  return dir;
}

const absent = (where: string): VolumeError<'not_found'> =>
  new VolumeError('not_found', `The volume has no directory ${where}.`, {
    details: { what: 'directory' },
    hint: 'Mount it once for writing, so that it is made, or with the sub-directory "/".',
  });

/**
 * A new file system whose root is given out: the empty `lost+found` goes, since engines copy an image's content only into
 * an empty volume, and the owner is set. Anything else in it: nothing is done.
 */
export function prepareRoot(root: number, owner: DataOwner): void {
  const path = fdPath(root);
  if (!isFresh(path)) return;
  try {
    rmdirSync(join(path, 'lost+found'));
  } catch (e) {
    if (errnoCode(e) !== 'ENOENT') throw e;
  }
  if (owner.uid === undefined && owner.gid === undefined && owner.mode === undefined) return;
  chownSync(path, owner.uid ?? 0, owner.gid ?? 0);
  if (owner.mode !== undefined) chmodSync(path, owner.mode);
}

function isFresh(path: string): boolean {
  const dir = opendirSync(path);
  try {
    const first = dir.readSync();
    if (first === null) return true;
    if (first.name !== 'lost+found' || dir.readSync() !== null) return false;
  } finally {
    dir.closeSync();
  }
  return readdirSync(join(path, 'lost+found')).length === 0;
}
