import { constants, realpathSync, statSync } from 'node:fs';
import { isAbsolute, normalize, relative } from 'node:path';
import { type Attachment, VolumeError } from '@rexray/core';
import { AT_FDCWD, closeFd, errnoCode, fdPath, openat2, RESOLVE, statx } from '@rexray/kernel';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

const denied = (path: string, found: string, hint: string): VolumeError<'denied'> =>
  new VolumeError('denied', `${path} cannot be used: ${found}.`, {
    details: { rule: 'S22', found, where: path },
    hint,
  });

/** The root of the list that a path is below, with the rest of the path. */
function rootOf(path: string, roots: readonly string[]): { readonly root: string; readonly rest: string } | undefined {
  for (const root of roots) {
    const rest = relative(root, path);
    if (rest !== '' && rest !== '..' && !rest.startsWith('../') && !isAbsolute(rest)) return { root, rest };
  }
  return undefined;
}

/** What a server wrote counts below allowed directories only: nobody named one, there is none (S22). */
export const rootsOf = (
  a: Pick<Attachment, 'elsewhere'>,
  roots: readonly string[] | undefined,
): readonly string[] | undefined => (a.elsewhere === true ? (roots ?? []) : roots);

/**
 * Opens a file or directory that an attachment names, which another machine may have written (S22): absolute, below one
 * of `roots` where there are any, no symbolic link below that root (or as its last part, without roots).
 * The descriptor is libc's: close it with `closeFd`.
 * @throws `denied`, `unavailable` when it is not there, `invalid`
 */
export function openAllowed(path: string, flags: number, roots: readonly string[] | undefined): number {
  if (!isAbsolute(path) || normalize(path) !== path || path.includes('\0')) {
    throw new VolumeError('invalid', `"${path}" is not an absolute, plain path.`, {
      details: { path: 'path', value: path },
    });
  }
  try {
    if (roots === undefined) return openat2(AT_FDCWD, path, { flags: flags | O_NOFOLLOW });
    const at = rootOf(path, roots);
    if (at === undefined)
      throw denied(
        path,
        'it is not below an allowed directory',
        `Allowed: ${roots.join(', ') || 'none'}; the key is rexray.allowRoots.`,
      );
    const dir = openat2(AT_FDCWD, realpathSync(at.root), { flags: O_RDONLY | O_DIRECTORY });
    try {
      return openat2(dir, at.rest, { flags, resolve: RESOLVE.NO_SYMLINKS | RESOLVE.BENEATH });
    } finally {
      closeFd(dir);
    }
  } catch (e) {
    throw explain(e, path);
  }
}

function explain(e: unknown, path: string): unknown {
  const code = errnoCode(e);
  if (code === 'ELOOP') return denied(path, 'a part of it is a symbolic link', 'Name the file itself.');
  if (code === 'EXDEV') return denied(path, 'it leads out of the allowed directory', 'Name a path below it.');
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new VolumeError('unavailable', `${path} is not there.`, {
      details: { expected: path },
      hint: 'Is the directory that holds it mounted on this host?',
      cause: e,
    });
  }
  return e;
}

/** A regular file with one name. @throws `denied` */
export function assertPlainFile(fd: number, path: string): void {
  const s = statx(fd);
  if ((s.mode & constants.S_IFMT) !== constants.S_IFREG)
    throw denied(path, 'it is not a regular file', 'Name an image file.');
  if (s.nlink !== 1)
    throw denied(path, `it has ${s.nlink} links`, 'An image with a second name could be reached around its lock.');
}

/** Device, inode and size in bytes of a libc descriptor, with the numbers that node:fs gives. */
export function fileIdentity(fd: number): { readonly dev: bigint; readonly ino: bigint; readonly size: number } {
  const s = statSync(fdPath(fd), { bigint: true });
  return { dev: s.dev, ino: s.ino, size: Number(s.size) };
}
