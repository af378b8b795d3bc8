import {
  assertName,
  type Bytes,
  bytes,
  type Ctx,
  type DriverSnapshot,
  type DriverVolume,
  notFound,
  type SnapshotVerbs,
  VolumeError,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import type { MemoryBackend, StoredVolume } from './backend.ts';
import { assertOurs } from './checks.ts';
import type { MemoryParams } from './config.ts';
import type { FaultOp } from './faults.ts';

type Volume = DriverVolume<MemoryParams>;

/** What the snapshot verbs need of their driver. */
export interface Within {
  readonly backend: MemoryBackend;
  run<T>(op: FaultOp, ctx: Ctx, effect: () => T): Promise<T>;
  make(op: FaultOp, name: string, ctx: Ctx, effect: () => Volume): Promise<Volume>;
  volume(id: string): StoredVolume;
  copy(
    source: { id: string; content: object; sizeBytes: Bytes; record: VolumeRecord },
    name: string,
    spec: VolumeSpec<MemoryParams>,
  ): Volume;
}

export function snapshotVerbs(d: Within): SnapshotVerbs<MemoryParams> {
  const { backend } = d;
  return {
    list: (query, ctx) =>
      d.run('snapshots.list', ctx, () => {
        const after = [...backend.snapshots.values()]
          .map((s) => s.about)
          .filter((s) => s.id > (query.cursor ?? ''))
          .filter((s) => query.volumeId === undefined || s.volumeId === query.volumeId);
        const items = after.slice(0, query.limit ?? 100);
        const last = items.at(-1);
        return {
          items: structuredClone(items),
          ...(items.length < after.length && last !== undefined && { next: last.id }),
        };
      }),

    create: (volumeId, name, o, ctx) =>
      d.run('snapshots.create', ctx, () => {
        assertName(name, 'snapshot');
        const v = d.volume(volumeId);
        assertOurs(v);
        const there = [...backend.snapshots.values()].find((s) => s.about.name === name);
        if (there !== undefined) {
          if (there.about.volumeId === volumeId) return structuredClone(there.about);
          throw new VolumeError('already_exists', `Snapshot "${name}" exists, of volume "${there.about.volumeName}".`, {
            details: { differs: { volume: { have: there.about.volumeName, asked: v.name } } },
            hint: 'Choose another name.',
          });
        }
        const about: DriverSnapshot = structuredClone({
          id: backend.nextId('snap'),
          name,
          volumeId,
          volumeName: v.name,
          sizeBytes: bytes(v.disk.sizeBytes),
          createdAt: new Date().toISOString(),
          record: v.record,
          consistency: o.consistency,
          ready: true,
        });
        backend.snapshots.set(about.id, { about, content: structuredClone(v.disk.content) });
        return structuredClone(about);
      }),

    remove: (id, ctx) => d.run('snapshots.remove', ctx, () => void backend.snapshots.delete(id)),

    restore: (id, name, spec, ctx) =>
      d.make('snapshots.restore', name, ctx, () => {
        const s = backend.snapshots.get(id);
        if (s === undefined) throw notFound('Snapshot', id);
        const { sizeBytes, record } = s.about;
        return d.copy({ id, content: s.content, sizeBytes, record }, name, spec);
      }),
  };
}
