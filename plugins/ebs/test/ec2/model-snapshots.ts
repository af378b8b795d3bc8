import type { Snapshot } from '@aws-sdk/client-ec2';
import type { Input, Output } from '../../src/ec2.ts';
import { matches, paged } from './filters.ts';
import { ACCOUNT, Ec2Error, type Ec2Model, type ModelSnapshot } from './model.ts';
import { shownTags, specified, tagList } from './model-tags.ts';
import { mustVolume } from './model-volumes.ts';

export function createSnapshot(m: Ec2Model, i: Input<'CreateSnapshot'>): Output<'CreateSnapshot'> {
  const v = mustVolume(m, i.VolumeId);
  const now = m.clock.now();
  const s: ModelSnapshot = {
    id: m.id('snap'),
    volume: v.id,
    size: v.size,
    encrypted: v.encrypted,
    state: 'pending',
    until: m.ends('snapshot'),
    visibleAt: now + m.visibleAfterMs,
    started: new Date(),
    tags: specified(m, i.TagSpecifications, 'snapshot'),
    content: v.content,
  };
  m.snapshots.set(s.id, s);
  return shown(m, s);
}

export function copySnapshot(m: Ec2Model, i: Input<'CopySnapshot'>): Output<'CopySnapshot'> {
  if (!i.SourceRegion || !i.SourceSnapshotId) throw new Ec2Error('MissingParameter', 'source');
  const now = m.clock.now();
  const s: ModelSnapshot = {
    id: m.id('snap'),
    volume: 'vol-ffffffff',
    size: 1,
    encrypted: false,
    state: 'pending',
    until: m.ends('snapshot'),
    visibleAt: now + m.visibleAfterMs,
    started: new Date(),
    tags: specified(m, i.TagSpecifications, 'snapshot'),
  };
  m.snapshots.set(s.id, s);
  return { SnapshotId: s.id };
}

export function deleteSnapshot(m: Ec2Model, i: Input<'DeleteSnapshot'>): Output<'DeleteSnapshot'> {
  if (!m.snapshots.delete(i.SnapshotId ?? ''))
    throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${i.SnapshotId}' does not exist.`);
  return {};
}

export function describeSnapshots(m: Ec2Model, i: Input<'DescribeSnapshots'>): Output<'DescribeSnapshots'> {
  const now = m.clock.now();
  const found = [...m.snapshots.values()]
    .filter((s) => s.visibleAt <= now)
    .filter((s) =>
      matches(i.Filters, shownTags(m, s.tags), { status: s.state, 'snapshot-id': s.id, 'volume-id': s.volume }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const { items, token } = paged(found, i, 1000);
  return { Snapshots: items.map((s) => shown(m, s)), ...(token !== undefined && { NextToken: token }) };
}

const shown = (m: Ec2Model, s: ModelSnapshot): Snapshot => ({
  SnapshotId: s.id,
  VolumeId: s.volume,
  VolumeSize: s.size,
  State: s.state,
  StartTime: s.started,
  Progress: s.state === 'completed' ? '100%' : '0%',
  OwnerId: ACCOUNT,
  Encrypted: s.encrypted,
  Tags: tagList(m, s.tags),
});
