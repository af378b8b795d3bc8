/** Looking a mount up in our table and in the one of its consumers. */

import { join } from 'node:path';
import { type HostMount, type MountEntry, VolumeError } from '@rexray/core';
import { mountAt, readMounts } from '../proc/mountinfo.ts';
import { procLink } from '../proc/processes.ts';

export const asHostMount = (row: MountEntry, subdir: string): HostMount => ({
  target: row.target,
  path: subdir === '/' || subdir === '' ? row.target : join(row.target, subdir),
  devno: row.devno,
  mountId: row.mountId,
  fsType: row.fsType,
  readonly: row.readonly,
});

export const findMount = (target: string): MountEntry | undefined => mountAt(readMounts(), target);

const sameNamespace = (proc: string): boolean => {
  const theirs = procLink(`${proc}/ns/mnt`);
  return theirs !== undefined && theirs === procLink('/proc/self/ns/mnt');
};

/** The mount at our row's target as the consumers' namespace has it (S20); `proc` is a folder in /proc. */
export function asConsumersSee(proc: string, row: MountEntry): MountEntry | undefined {
  if (sameNamespace(proc)) return row;
  try {
    return mountAt(readMounts(proc), row.target);
  } catch {
    return undefined;
  }
}

/** @throws `not_found` */
export function mustBeMounted(target: string): void {
  if (findMount(target) !== undefined) return;
  throw new VolumeError('not_found', `Nothing is mounted at ${target}.`, { details: { what: 'mount' } });
}
