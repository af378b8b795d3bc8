/** Directories where this process may not mount (no root, or root of a container): nothing needs to be; the directory itself is handed out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostMount, MountSpec } from '@rexray/core';
import { closeFd } from '@rexray/kernel';
import type { Connection } from '../connect/connection.ts';
import { openDir } from '../connect/dir.ts';
import { openSubdir } from './subdir.ts';

/** Device number of what is no mount; {@link unmountTarget} leaves such a target alone. */
export const NO_DEVICE = '';

const CAP_SYS_ADMIN = 21n;

/** Root alone does not say it: a container's root usually has no CAP_SYS_ADMIN. Read once: a process does not get it back. */
let mounts: boolean | undefined;
function mayMount(): boolean {
  if (mounts === undefined) {
    const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    mounts = ((BigInt(`0x${mask}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
  }
  return mounts;
}

export const handedOut = (c: Connection): boolean => c.attachment.kind === 'dir' && !mayMount();

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
