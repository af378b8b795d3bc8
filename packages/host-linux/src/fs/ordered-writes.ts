import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { VolumeError } from '@rexray/core';
import type { Place } from './reader.ts';

export interface Change {
  readonly at: number;
  readonly data: Buffer;
}

export const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');

/**
 * Each write is on the disk before the next begins.
 * @throws `in_use` mounted or held
 */
export function writeInOrder(place: Place, list: readonly Change[]): void {
  let fd: number;
  try {
    // Exclusive: a device that is mounted answers EBUSY.
    fd = openSync(place.path, constants.O_RDWR | constants.O_EXCL);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EBUSY') throw e;
    throw new VolumeError('in_use', `${place.path} is in use, so its UUID stays.`, { details: {}, cause: e });
  }
  try {
    for (const { at, data } of list) {
      writeSync(fd, data, 0, data.length, at);
      fsyncSync(fd);
    }
  } finally {
    closeSync(fd);
  }
}
