/** A share of a network or virtual file system: nothing to connect before it is mounted. */
import { type Attachment, bytes } from '@rexray/core';
import type { IsIt } from '../proc/users.ts';
import type { Connection, ConnectOptions } from './connection.ts';

export type ShareAttachment = Extract<Attachment, { kind: 'share' }>;

export function connectShare(a: ShareAttachment, o: ConnectOptions): Connection {
  const device = {
    id: `share:${a.fsType}:${a.source}`,
    kind: 'share' as const,
    path: a.source,
    devno: '',
    sizeBytes: bytes(0),
    readonly: o.readonly || a.readonly === true,
    fresh: false,
  };
  return { attachment: a, device };
}

/** `nfs` shows as `nfs4` in the mount table, fuse file systems with a prefix. */
const sameType = (asked: string, shown: string): boolean =>
  shown === asked || (asked === 'nfs' && shown === 'nfs4') || shown === `fuse.${asked}`;

export const isShare =
  (a: Pick<ShareAttachment, 'fsType' | 'source'>): IsIt =>
  (row) =>
    row.source === a.source && sameType(a.fsType, row.fsType);
