/** One row a kind of attachment: how it is connected, found, given back, measured again. */
import { type Attachment, type Ctx, type Device, VolumeError } from '@rexray/core';
import { ownMounts } from '../unused.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { connectDir, findDir, isBindOf } from './dir.ts';
import { connectDisk, type DiskPlace, disconnectDisk, findDisk, refreshDisk } from './disk.ts';
import { connectFile, disconnectFile, findFile, refreshFile } from './file.ts';
import { connectShare, isShare } from './share.ts';

export interface ConnectPlace extends DiskPlace {
  readonly allowRoots: readonly string[] | undefined;
}

export async function connect(a: Attachment, o: ConnectOptions, place: ConnectPlace, ctx: Ctx): Promise<Connection> {
  switch (a.kind) {
    case 'file':
      return connectFile(a, o, place.allowRoots, ctx);
    case 'disk':
      return connectDisk(a, o, place, ctx);
    case 'share':
      return connectShare(a, o);
    case 'dir':
      return connectDir(a, o, place.allowRoots);
  }
}

export function find(a: Attachment, place: ConnectPlace): Connection | undefined {
  switch (a.kind) {
    case 'file':
      return findFile(a, place.allowRoots);
    case 'disk':
      return findDisk(a, place);
    case 'share':
      return connectShare(a, { readonly: a.readonly === true });
    case 'dir':
      return findDir(a, place.allowRoots);
  }
}

export async function disconnect(a: Attachment, place: ConnectPlace, ctx: Ctx): Promise<void> {
  if (a.kind === 'file') return disconnectFile(a, place.allowRoots, ctx);
  if (a.kind === 'disk') return disconnectDisk(a, place, ctx);
  if (a.kind === 'dir' && findDir(a, place.allowRoots) === undefined) return;
  const mounted = ownMounts(a.kind === 'dir' ? isBindOf(a.path) : isShare(a))[0];
  if (mounted === undefined) return;
  const what = a.kind === 'dir' ? a.path : a.source;
  throw new VolumeError('in_use', `${what} is still mounted at ${mounted.target}.`, {
    details: {},
    hint: `Unmount it first: umount ${mounted.target}.`,
  });
}

export function refresh(c: Connection, place: ConnectPlace): Device {
  if (c.attachment.kind === 'file') refreshFile(c);
  else if (c.attachment.kind === 'disk') refreshDisk(c, place);
  return c.device;
}
