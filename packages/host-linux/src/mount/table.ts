/** Looking a mount up in our table and in the one of its consumers. */

import { join } from 'node:path';
import { type HostMount, type MountEntry, VolumeError } from '@rexray/core';
import { mountAt, readMounts, type TableRow } from '../proc/mountinfo.ts';
import { procLink } from '../proc/processes.ts';

export const asHostMount = (row: MountEntry, subdir: string): HostMount => ({
  target: row.target,
  path: subdir === '/' || subdir === '' ? row.target : join(row.target, subdir),
  devno: row.devno,
  mountId: row.mountId,
  fsType: row.fsType,
  readonly: row.readonly,
});

export const findMount = (target: string): TableRow | undefined => mountAt(readMounts(), target);

const sameNamespace = (proc: string): boolean => {
  const theirs = procLink(`${proc}/ns/mnt`);
  return theirs !== undefined && theirs === procLink('/proc/self/ns/mnt');
};

/** Where volumes are consumed. */
export interface Consumers {
  /** Folder in /proc of a process in their mount namespace. */
  readonly proc: string;
  /** An engine translates our paths for them: what counts is that the mount went there, wherever it is there. */
  readonly translated: boolean;
}

/** The mount of our row as the consumers' namespace has it (S20): at the same target, or its peer where paths are translated. */
export function asConsumersSee({ proc, translated }: Consumers, row: TableRow): MountEntry | undefined {
  if (sameNamespace(proc)) return row;
  try {
    const theirs = readMounts(proc);
    if (!translated) return mountAt(theirs, row.target);
    return row.peers === undefined ? undefined : theirs.findLast((r) => r.peers === row.peers && r.devno === row.devno);
  } catch {
    return undefined;
  }
}

/** @throws `not_found` */
export function mustBeMounted(target: string): void {
  if (findMount(target) !== undefined) return;
  throw new VolumeError('not_found', `Nothing is mounted at ${target}.`, { details: { what: 'mount' } });
}
