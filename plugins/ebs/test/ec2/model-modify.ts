import type { VolumeModification } from '@aws-sdk/client-ec2';
import type { Input, Output } from '../../src/ec2.ts';
import { matches } from './filters.ts';
import { Ec2Error, type Ec2Model, type ModelVolume } from './model.ts';
import { mustVolume } from './model-volumes.ts';

export function modifyVolume(m: Ec2Model, i: Input<'ModifyVolume'>): Output<'ModifyVolume'> {
  const v = mustVolume(m, i.VolumeId);
  if (v.modification !== undefined && v.modification.state !== 'completed')
    throw new Ec2Error(
      'IncorrectModificationState',
      `Cannot modify volume ${v.id} in modification state ${v.modification.state}`,
    );
  const size = i.Size ?? v.size;
  if (size < v.size) throw new Ec2Error('InvalidParameterValue', `New size cannot be smaller than existing size`);
  const until = m.ends('modify');
  v.modification = {
    state: 'modifying',
    until,
    at: new Date(),
    visibleAt: m.clock.now() + m.visibleAfterMs,
    size,
    ended: until + m.ends('optimize') - m.clock.now(),
  };
  if (i.VolumeType !== undefined) v.type = i.VolumeType;
  if (i.Iops !== undefined) v.iops = i.Iops;
  if (i.Throughput !== undefined) v.throughput = i.Throughput;
  if (v.type === 'gp3') {
    v.iops ??= 3000;
    v.throughput ??= 125;
  }
  return { VolumeModification: shown(v) };
}

export function describeModifications(
  m: Ec2Model,
  i: Input<'DescribeVolumesModifications'>,
): Output<'DescribeVolumesModifications'> {
  const found = [...m.volumes.values()].filter(
    (v) => (v.modification?.visibleAt ?? Number.POSITIVE_INFINITY) <= m.clock.now(),
  );
  return { VolumesModifications: found.filter((v) => matches(i.Filters, new Map(), { 'volume-id': v.id })).map(shown) };
}

const shown = (v: ModelVolume): VolumeModification => ({
  VolumeId: v.id,
  ModificationState: v.modification?.state ?? 'completed',
  Progress: v.modification?.state === 'completed' ? 100 : 0,
  TargetSize: v.modification?.size ?? v.size,
  ...(v.modification !== undefined && { StartTime: v.modification.at }),
});
