/** Directories without root: nobody can mount, and nothing needs to be: the directory itself is handed out. */
import { join } from 'node:path';
import type { HostMount, MountSpec } from '@rexray/core';
import { closeFd } from '@rexray/kernel';
import type { Connection } from '../connect/connection.ts';
import { openDir } from '../connect/dir.ts';
import { openSubdir } from './subdir.ts';

/** Device number of what is no mount; {@link unmountTarget} leaves such a target alone. */
export const NO_DEVICE = '';

export const handedOut = (c: Connection): boolean => c.attachment.kind === 'dir' && process.geteuid?.() !== 0;

/**
 * The sub-directory is made and looked at like that of a mount (S20). Read-only is the caller's own matter then.
 * @throws `denied` (S20, S22), `unavailable`
 */
export function handOut(c: Connection, spec: MountSpec, allowRoots: readonly string[] | undefined): HostMount {
  if (c.attachment.kind !== 'dir') throw new Error('only directories are handed out');
  const root = openDir(c.attachment, allowRoots);
  try {
    closeFd(openSubdir(root, spec.subdir, { make: spec.makeSubdir, owner: spec.owner }));
  } finally {
    closeFd(root);
  }
  const target = c.attachment.path;
  return {
    target,
    path: join(target, spec.subdir === '/' ? '' : spec.subdir),
    devno: NO_DEVICE,
    mountId: 0,
    fsType: 'dir',
    readonly: spec.readonly || c.device.readonly,
  };
}
