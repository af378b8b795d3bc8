import type { Snapshot as Ec2Snapshot } from '@aws-sdk/client-ec2';
import { VolumeError } from '@rexray/core';

/** By start, then id: of two with one name, every process takes the same. */
export const oldestFirst = (list: readonly Ec2Snapshot[]): Ec2Snapshot[] =>
  [...list].sort(
    (a, b) =>
      Number(a.StartTime ?? 0) - Number(b.StartTime ?? 0) || ((a.SnapshotId ?? '') < (b.SnapshotId ?? '') ? -1 : 1),
  );

export const failed = (id: string, why: string | undefined): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `EC2 could not make snapshot ${id}: ${why ?? 'it does not say why'}.`, {
    details: { found: 'error' },
    hint: 'Remove it and try again.',
  });
