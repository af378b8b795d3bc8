import type { Snapshot, Volume } from '../api.ts';
import type { DriverSnapshot, DriverVolume } from '../driver.ts';
import type { NodeVolume } from '../store.ts';
import type { Env } from './env.ts';

/** A volume as callers see it: what the storage says plus what this node did. */
export function view(env: Env, v: DriverVolume, nv: NodeVolume | undefined, notes: readonly string[] = []): Volume {
  const mine = v.attachments.some((a) => a.node === env.node);
  const known = nv?.volumeId === v.id ? nv : undefined;
  const mounted = known?.mount !== undefined && known.lost === undefined;
  const format = v.record.format;
  return {
    name: v.name,
    id: v.id,
    service: env.service,
    driver: env.driverName,
    sizeBytes: v.sizeBytes,
    ...(v.createdAt !== undefined && { createdAt: v.createdAt }),
    state: stateOf(v, mine, mounted),
    ...(format.state !== 'none' && { fsType: format.fsType }),
    format: format.state,
    ...(format.state === 'formatted' && { fsUuid: format.uuid }),
    attachments: v.attachments.map((a) => ({
      node: a.node,
      here: a.node === env.node,
      epoch: a.epoch,
      ...(a.since !== undefined && { since: a.since }),
    })),
    ...(mounted && known?.mount !== undefined && { mountpoint: known.mount.path, mountRoot: known.mount.target }),
    holders: Object.entries(known?.holders ?? {}).map(([holder, h]) => ({
      holder,
      volume: v.name,
      service: env.service,
      count: h.count,
      since: h.since,
      ...(h.pid !== undefined && { pid: h.pid }),
    })),
    hints: v.record.hints,
    labels: v.record.labels,
    params: v.params,
    readOnly: v.record.readOnly === true,
    notes: [...notes, ...standingNotes(env, v, nv)],
    status: v.status ?? {},
  };
}

function stateOf(v: DriverVolume, mine: boolean, mounted: boolean): Volume['state'] {
  if (v.foreign === true) return 'foreign';
  if (mounted) return 'mounted';
  if (mine) return 'attached';
  return v.attachments.length > 0 ? 'unavailable' : 'available';
}

function standingNotes(env: Env, v: DriverVolume, nv: NodeVolume | undefined): string[] {
  const notes: string[] = [];
  const unused = Object.keys(v.record.hints).filter(
    (k) => v.record.hints[k as keyof typeof v.record.hints] !== undefined,
  );
  if (unused.length > 0 && v.status?.hintsHonoured !== true)
    notes.push(`${unused.join(', ')}: recorded; the driver ${env.driverName} does not act on them`);
  if (v.sizeBytes > 0 && env.driver.traits.sizes === undefined)
    notes.push(`the size is recorded; the driver ${env.driverName} does not enforce it`);
  if (nv?.lost !== undefined) notes.push(`lost to node ${nv.lost.node} at ${nv.lost.at}`);
  return notes;
}

export function snapshotView(env: Env, s: DriverSnapshot): Snapshot {
  return {
    name: s.name,
    id: s.id,
    service: env.service,
    volume: s.volumeName,
    sizeBytes: s.sizeBytes,
    ...(s.createdAt !== undefined && { createdAt: s.createdAt }),
    consistency: s.consistency,
    labels: s.record.labels,
  };
}
