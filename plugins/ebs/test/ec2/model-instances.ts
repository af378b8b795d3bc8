import type { Input, Output } from '../../src/ec2.ts';
import { ACCOUNT, Ec2Error, type Ec2Model, type ModelInstance } from './model.ts';

export function describeInstances(m: Ec2Model, i: Input<'DescribeInstances'>): Output<'DescribeInstances'> {
  const ids = i.InstanceIds ?? [];
  const bad = ids.filter((id) => !m.instances.has(id));
  if (bad.length > 0)
    throw new Ec2Error(
      'InvalidInstanceID.NotFound',
      `The instance ID${bad.length === 1 ? '' : 's'} '${bad.join(', ')}' do not exist`,
    );
  const found = ids.length > 0 ? ids.flatMap((id) => m.instances.get(id) ?? []) : [...m.instances.values()];
  return {
    Reservations: found.map((x) => ({ ReservationId: `r-${x.id}`, OwnerId: ACCOUNT, Instances: [shown(m, x)] })),
  };
}

const shown = (m: Ec2Model, x: ModelInstance) => ({
  InstanceId: x.id,
  InstanceType: x.type as never,
  State: { Name: x.state },
  Placement: { AvailabilityZone: x.zone },
  BlockDeviceMappings: [
    { DeviceName: x.root.device, Ebs: { VolumeId: x.root.volume } },
    ...[...m.volumes.values()].flatMap((v) =>
      v.attachments.filter((a) => a.instance === x.id).map((a) => ({ DeviceName: a.device, Ebs: { VolumeId: v.id } })),
    ),
  ],
  NetworkInterfaces: Array.from({ length: x.interfaces }, (_, n) => ({ NetworkInterfaceId: `eni-${n}` })),
});

export function describeInstanceTypes(m: Ec2Model, i: Input<'DescribeInstanceTypes'>): Output<'DescribeInstanceTypes'> {
  const xen = (t: string): boolean => t.startsWith('t2.') || t.startsWith('m4.');
  return {
    InstanceTypes: (i.InstanceTypes ?? []).map((t) => ({
      InstanceType: t,
      EbsInfo: {
        NvmeSupport: xen(t) ? 'unsupported' : 'required',
        MaximumEbsAttachments: m.attachments,
        AttachmentLimitType: 'shared',
      },
    })),
  };
}
