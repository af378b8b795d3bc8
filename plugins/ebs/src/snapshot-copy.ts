import { assertName, type DriverSnapshot, emptyRecord, type FsType } from '@rexray/core';
import type { Patience } from './clock.ts';
import type { Parts } from './parts.ts';
import type { Snapshots } from './snapshots.ts';
import { asList, TAG } from './tags.ts';

/** A snapshot of a region, and what is on it: its own tags do not come with it. */
export interface FarSnapshot {
  readonly region: string;
  readonly id: string;
  /** What its volume is formatted with; default `ebs.legacyFsType`. */
  readonly fsType?: FsType;
}

/**
 * Brings a snapshot of another region here, as one of ours. What is restored from it counts as formatted, so that it is never
 * formatted here. Again is the same.
 */
export function copySnapshot(
  parts: Parts,
  snapshots: Snapshots,
  source: FarSnapshot,
  name: string,
  p: Patience,
): Promise<DriverSnapshot> {
  assertName(name, 'snapshot');
  return parts.locks.run(`snapshot ${name}`, async () => {
    const { config, view, client } = parts;
    const there = await snapshots.named(name, p);
    if (there !== undefined) return snapshots.show(await snapshots.completed(there.SnapshotId ?? '', p));
    const from = `${source.region}/${source.id}`;
    const format = { state: 'formatted', fsType: source.fsType ?? config.legacyFsType, uuid: 'unknown' } as const;
    const tags = snapshots.tagged({
      ...snapshots.recordOf({ ...emptyRecord(format), copied: true }, source.id),
      [TAG.name]: view.names.written(name),
      [TAG.volume]: name,
      [TAG.consistency]: 'crash',
      [TAG.from]: from,
    });
    const key = config.kmsKeyID;
    const input = {
      SourceRegion: source.region,
      SourceSnapshotId: source.id,
      TagSpecifications: [{ ResourceType: 'snapshot' as const, Tags: asList(tags) }],
      ...((key !== '' || config.encrypted) && { Encrypted: true }),
      ...(key !== '' && { KmsKeyId: key }),
    };
    const made = await snapshots.once(
      {
        what: `The copy of ${from}`,
        filters: [
          { Name: `tag:${TAG.name}`, Values: [view.names.filter(name)] },
          { Name: `tag:${TAG.from}`, Values: [from] },
        ],
        send: () => client.mutate('CopySnapshot', input, p),
      },
      p,
    );
    return snapshots.show(await snapshots.completed(made.SnapshotId ?? '', p));
  });
}
