import type * as sdk from '@aws-sdk/client-ec2';

/** What of the EC2 API this driver calls; the IAM policy in docs/drivers/ebs.md lists the same names, and a test compares them. */
interface Actions {
  AttachVolume: [sdk.AttachVolumeCommandInput, sdk.AttachVolumeCommandOutput];
  CopySnapshot: [sdk.CopySnapshotCommandInput, sdk.CopySnapshotCommandOutput];
  CreateSnapshot: [sdk.CreateSnapshotCommandInput, sdk.CreateSnapshotCommandOutput];
  CreateTags: [sdk.CreateTagsCommandInput, sdk.CreateTagsCommandOutput];
  CreateVolume: [sdk.CreateVolumeCommandInput, sdk.CreateVolumeCommandOutput];
  DeleteSnapshot: [sdk.DeleteSnapshotCommandInput, sdk.DeleteSnapshotCommandOutput];
  DeleteTags: [sdk.DeleteTagsCommandInput, sdk.DeleteTagsCommandOutput];
  DeleteVolume: [sdk.DeleteVolumeCommandInput, sdk.DeleteVolumeCommandOutput];
  DescribeInstanceTypes: [sdk.DescribeInstanceTypesCommandInput, sdk.DescribeInstanceTypesCommandOutput];
  DescribeInstances: [sdk.DescribeInstancesCommandInput, sdk.DescribeInstancesCommandOutput];
  DescribeSnapshots: [sdk.DescribeSnapshotsCommandInput, sdk.DescribeSnapshotsCommandOutput];
  DescribeVolumes: [sdk.DescribeVolumesCommandInput, sdk.DescribeVolumesCommandOutput];
  DescribeVolumesModifications: [
    sdk.DescribeVolumesModificationsCommandInput,
    sdk.DescribeVolumesModificationsCommandOutput,
  ];
  DetachVolume: [sdk.DetachVolumeCommandInput, sdk.DetachVolumeCommandOutput];
  ModifyVolume: [sdk.ModifyVolumeCommandInput, sdk.ModifyVolumeCommandOutput];
}
export type Action = keyof Actions;
export type Input<A extends Action> = Actions[A][0];
export type Output<A extends Action> = Omit<Actions[A][1], '$metadata'> & {
  /** When EC2 answered, by EC2's clock; absent where it does not say. */
  readonly $date?: Date;
};

export const ACTIONS: readonly Action[] = [
  'AttachVolume',
  'CopySnapshot',
  'CreateSnapshot',
  'CreateTags',
  'CreateVolume',
  'DeleteSnapshot',
  'DeleteTags',
  'DeleteVolume',
  'DescribeInstanceTypes',
  'DescribeInstances',
  'DescribeSnapshots',
  'DescribeVolumes',
  'DescribeVolumesModifications',
  'DetachVolume',
  'ModifyVolume',
];
export type Reading = Extract<Action, `Describe${string}`>;
export type Mutating = Exclude<Action, Reading>;

/** One attempt of one call: no retries, no rate. Throws what the SDK throws: an error whose `name` is EC2's code. */
export interface Ec2 {
  send<A extends Action>(action: A, input: Input<A>, signal: AbortSignal): Promise<Output<A>>;
  close(): void;
}
