import type { Volume, VolumeAttachment } from '@aws-sdk/client-ec2';
import type { Input, Output } from '../../src/ec2.ts';
import { iopsRange, isVolumeType, LIMITS } from '../../src/limits.ts';
import { matches, paged } from './filters.ts';
import { Ec2Error, type Ec2Model, type ModelAttachment, type ModelVolume, ZONES } from './model.ts';
import { shownTags, specified, tagList } from './model-tags.ts';

export const missing = (...ids: string[]): Ec2Error =>
  new Ec2Error(
    'InvalidVolume.NotFound',
    ids.length === 1 ? `The volume '${ids[0]}' does not exist.` : `The volumes '${ids.join(', ')}' do not exist.`,
  );
export function mustVolume(m: Ec2Model, id: string | undefined): ModelVolume {
  const v = m.volumes.get(id ?? '');
  if (v === undefined) throw missing(id ?? '');
  return v;
}

export function createVolume(m: Ec2Model, i: Input<'CreateVolume'>): Output<'CreateVolume'> {
  const print = JSON.stringify({ ...i, ClientToken: undefined });
  const known = i.ClientToken === undefined ? undefined : m.tokens.get(i.ClientToken);
  if (known !== undefined) {
    if (known.print !== print)
      throw new Ec2Error(
        'IdempotentParameterMismatch',
        'The request uses the same client token as a previous, but non-identical request.',
      );
    const there = m.volumes.get(known.id);
    return there === undefined ? { VolumeId: known.id, State: 'creating' } : shown(m, there);
  }
  const from = i.SnapshotId === undefined ? undefined : m.snapshots.get(i.SnapshotId);
  if (i.SnapshotId !== undefined && from === undefined)
    throw new Ec2Error('InvalidSnapshot.NotFound', `The snapshot '${i.SnapshotId}' does not exist.`);
  if (from !== undefined && from.state !== 'completed')
    throw new Ec2Error('IncorrectState', `Snapshot is in invalid state - ${from.state}`);
  const type = i.VolumeType ?? 'gp2';
  const size = i.Size ?? from?.size;
  if (size === undefined)
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter size/snapshot');
  assertShape(type, size, i.Iops);
  if (!ZONES.includes(i.AvailabilityZone ?? ''))
    throw new Ec2Error('InvalidZone.NotFound', `The zone '${i.AvailabilityZone}' does not exist.`);
  const now = m.clock.now();
  const v: ModelVolume = {
    id: m.id('vol'),
    size,
    type,
    iops: i.Iops ?? (type === 'gp3' ? 3000 : undefined),
    throughput: i.Throughput ?? (type === 'gp3' ? 125 : undefined),
    zone: i.AvailabilityZone ?? '',
    encrypted: i.Encrypted === true || from?.encrypted === true,
    kmsKey:
      i.KmsKeyId === undefined
        ? undefined
        : i.KmsKeyId.includes(':')
          ? i.KmsKeyId
          : `arn:aws:kms:us-east-1:123456789012:key/${i.KmsKeyId}`,
    snapshot: i.SnapshotId,
    multiAttach: i.MultiAttachEnabled === true,
    state: 'creating',
    until: m.ends('create'),
    visibleAt: now + m.visibleAfterMs,
    created: new Date(),
    attachments: [],
    tags: specified(m, i.TagSpecifications, 'volume'),
    ...(from?.content !== undefined && { content: from.content }),
  };
  m.volumes.set(v.id, v);
  if (i.ClientToken !== undefined) m.tokens.set(i.ClientToken, { print, id: v.id });
  return shown(m, v);
}

function assertShape(type: string, size: number, iops: number | undefined): void {
  if (!isVolumeType(type)) throw new Ec2Error('InvalidParameterValue', `Invalid value '${type}' for volumeType.`);
  const { minGib, maxGib, iops: limits } = LIMITS[type];
  if (size < minGib || size > maxGib)
    throw new Ec2Error('InvalidParameterValue', `Volume of ${size}GiB is not valid for type ${type}.`);
  const range = iopsRange(type, size);
  if (iops !== undefined && (range === undefined || iops < range.min || iops > range.max))
    throw new Ec2Error('InvalidParameterValue', `Iops of ${iops} is not valid for type ${type}.`);
  if (limits?.required && iops === undefined)
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter iops');
}

export function deleteVolume(m: Ec2Model, i: Input<'DeleteVolume'>): Output<'DeleteVolume'> {
  const v = mustVolume(m, i.VolumeId);
  if (v.attachments.length > 0)
    throw new Ec2Error('VolumeInUse', `Volume ${v.id} is currently attached to ${v.attachments[0]?.instance}`);
  if (v.state === 'creating') throw new Ec2Error('IncorrectState', `The volume '${v.id}' is in the 'creating' state.`);
  v.state = 'deleting';
  v.until = m.ends('delete');
  return {};
}

export function attachVolume(m: Ec2Model, i: Input<'AttachVolume'>): Output<'AttachVolume'> {
  const v = mustVolume(m, i.VolumeId);
  const instance = m.instances.get(i.InstanceId ?? '');
  if (instance === undefined || instance.state === 'terminated')
    throw new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${i.InstanceId}' does not exist`);
  if (v.state === 'creating' || v.state === 'deleting' || v.state === 'error')
    throw new Ec2Error('IncorrectState', `${v.id} is not 'available'.`);
  const on = v.attachments.some((a) => a.instance === instance.id);
  if (v.attachments.length > 0 && (!v.multiAttach || on))
    throw new Ec2Error('VolumeInUse', `${v.id} is already attached to an instance`);
  if (v.zone !== instance.zone)
    throw new Ec2Error(
      'InvalidVolume.ZoneMismatch',
      `The volume '${v.id}' is not in the same availability zone as instance '${instance.id}'`,
    );
  const here = [...m.volumes.values()].flatMap((x) => x.attachments.filter((a) => a.instance === instance.id));
  if (i.Device === instance.root.device || here.some((a) => a.device === i.Device))
    throw new Ec2Error(
      'InvalidParameterValue',
      `Invalid value '${i.Device}' for unixDevice. Attachment point ${i.Device} is already in use`,
    );
  if (here.length + 1 + instance.interfaces >= m.attachments)
    throw new Ec2Error('AttachmentLimitExceeded', `Attachment limit exceeded for instance ${instance.id}`);
  const a: ModelAttachment = {
    instance: instance.id,
    device: i.Device ?? '',
    state: 'attaching',
    until: m.ends('attach'),
    since: new Date(),
  };
  v.attachments.push(a);
  v.state = 'in-use';
  return asAttachment(v, a);
}

export function detachVolume(m: Ec2Model, i: Input<'DetachVolume'>): Output<'DetachVolume'> {
  const v = mustVolume(m, i.VolumeId);
  if (v.attachments.length === 0) throw new Ec2Error('IncorrectState', `Volume '${v.id}' is in the 'available' state.`);
  const a = i.InstanceId === undefined ? v.attachments[0] : v.attachments.find((x) => x.instance === i.InstanceId);
  if (a === undefined) throw new Ec2Error('InvalidAttachment.NotFound', `${v.id} is not attached to ${i.InstanceId}`);
  if (a.state === 'detaching') throw new Ec2Error('IncorrectState', `Volume '${v.id}' is in the 'detaching' state.`);
  const held = m.instances.get(a.instance)?.holds.has(v.id) === true;
  if (held && i.Force !== true && m.instances.get(a.instance)?.state === 'running') a.state = 'busy';
  else {
    a.state = 'detaching';
    a.until = m.ends('detach');
  }
  return asAttachment(v, a);
}

export function describeVolumes(m: Ec2Model, i: Input<'DescribeVolumes'>): Output<'DescribeVolumes'> {
  const now = m.clock.now();
  const ids = i.VolumeIds ?? [];
  if (ids.length > 0 && i.MaxResults !== undefined)
    throw new Ec2Error(
      'InvalidParameterCombination',
      'The parameter volumes cannot be used with the parameter maxResults',
    );
  const bad = ids.filter((id) => !((m.volumes.get(id)?.visibleAt ?? Number.POSITIVE_INFINITY) <= now));
  if (bad.length > 0) throw missing(...bad);
  const all = ids.length > 0 ? ids.flatMap((id) => m.volumes.get(id) ?? []) : [...m.volumes.values()];
  const found = all
    .filter((v) => v.visibleAt <= now)
    .filter((v) =>
      matches(i.Filters, shownTags(m, v.tags), { status: v.state, 'volume-id': v.id, 'availability-zone': v.zone }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const { items, token } = paged(found, i, 500);
  return { Volumes: items.map((v) => shown(m, v)), ...(token !== undefined && { NextToken: token }) };
}

function shown(m: Ec2Model, v: ModelVolume): Volume {
  return {
    VolumeId: v.id,
    Size: v.size,
    VolumeType: v.type as never,
    AvailabilityZone: v.zone,
    Encrypted: v.encrypted,
    MultiAttachEnabled: v.multiAttach,
    State: v.state,
    CreateTime: v.created,
    Attachments: v.attachments.map((a) => asAttachment(v, a)),
    Tags: tagList(m, v.tags),
    ...(v.iops !== undefined && { Iops: v.iops }),
    ...(v.throughput !== undefined && { Throughput: v.throughput }),
    ...(v.kmsKey !== undefined && { KmsKeyId: v.kmsKey }),
    ...(v.snapshot !== undefined && { SnapshotId: v.snapshot }),
  };
}

const asAttachment = (v: ModelVolume, a: ModelAttachment): VolumeAttachment => ({
  VolumeId: v.id,
  InstanceId: a.instance,
  Device: a.device,
  State: a.state,
  AttachTime: a.since,
});
