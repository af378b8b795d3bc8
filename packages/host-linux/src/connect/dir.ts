/** A directory that will be bind-mounted: nothing to connect, only to check (S22). */
import { constants, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Attachment, bytes } from '@rexray/core';
import { AT_FDCWD, closeFd, errnoCode, fdPath, O_PATH, openat2, statx } from '@rexray/kernel';
import { readMounts } from '../proc/mountinfo.ts';
import type { IsIt } from '../proc/users.ts';
import { openAllowed, rootsOf } from './allow.ts';
import type { Connection, ConnectOptions } from './connection.ts';

export type DirAttachment = Extract<Attachment, { kind: 'dir' }>;

/** Opens the directory of an attachment (O_PATH). @throws `denied`, `unavailable` */
export const openDir = (a: DirAttachment, roots: readonly string[] | undefined): number =>
  openAllowed(a.path, O_PATH | constants.O_DIRECTORY, rootsOf(a, roots));

export function connectDir(a: DirAttachment, o: ConnectOptions, roots: readonly string[] | undefined): Connection {
  const fd = openDir(a, roots);
  closeFd(fd);
  const device = {
    id: `dir:${a.path}`,
    kind: 'dir' as const,
    path: a.path,
    devno: '',
    sizeBytes: bytes(0),
    readonly: o.readonly || a.readonly === true,
    fresh: false,
  };
  return { attachment: a, device };
}

export function findDir(a: DirAttachment, roots: readonly string[] | undefined): Connection | undefined {
  try {
    return connectDir(a, { readonly: a.readonly === true }, roots);
  } catch (e) {
    if (errnoCode(e) === 'unavailable') return undefined;
    throw e;
  }
}

/** Recognizes bind mounts of a directory: same file system, and the directory as root of the mount. */
export function isBindOf(path: string): IsIt {
  const fd = openat2(AT_FDCWD, path, { flags: O_PATH | constants.O_DIRECTORY });
  try {
    const { mountId } = statx(fd);
    // The kernel's own path of the directory, without symbolic links.
    const real = readlinkSync(fdPath(fd));
    const on = readMounts().find((r) => r.mountId === mountId);
    if (on === undefined) return () => false;
    const root = join(on.root, relative(on.target, real));
    return (row) => row.devno === on.devno && row.root === root && row.target !== real;
  } finally {
    closeFd(fd);
  }
}
