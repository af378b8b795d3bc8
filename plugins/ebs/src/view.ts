import type { Volume as Ec2Volume, VolumeAttachment } from '@aws-sdk/client-ec2';
import {
  bytes,
  type DriverVolume,
  emptyRecord,
  GIB,
  isName,
  type NodeAttachment,
  VolumeError,
  type VolumeRecord,
} from '@rexray/core';
import type { EbsConfig, EbsParams } from './config.ts';
import { isVolumeType, LIMITS } from './limits.ts';
import { Names, readRecord, TAG, tagsOf } from './tags.ts';

export type Volume = DriverVolume<EbsParams>;
export const idOf = (v: Ec2Volume): string => v.VolumeId ?? '';

/** Attachments that still bind an instance: also one that is being made or undone. */
export const attachmentsOf = (v: Ec2Volume): readonly VolumeAttachment[] =>
  (v.Attachments ?? []).filter((a) => a.State !== 'detached' && a.InstanceId !== undefined);
export const attachmentOn = (v: Ec2Volume, node: string): VolumeAttachment | undefined =>
  attachmentsOf(v).find((a) => a.InstanceId === node);

/** Whose a volume is: made by us (or marked by us), by REX-Ray and to be used, or somebody else's. */
export type Ownership = 'ours' | 'rexray' | 'foreign';

/** How EC2's volumes look as volumes of this service. */
export class View {
  readonly names: Names;
  readonly #c: EbsConfig;

  constructor(c: EbsConfig) {
    this.#c = c;
    this.names = new Names(c.tag);
  }

  get usesLegacy(): boolean {
    return this.#c.legacy ?? this.names.prefixed;
  }

  ownership(v: Ec2Volume): Ownership {
    const tags = tagsOf(v.Tags);
    const name = this.names.read(tags.get(TAG.name));
    const cluster = tags.get(TAG.cluster);
    // A name that cannot be one is below the prefix of another service of this cluster.
    if (cluster === this.#c.clusterID) return isName(name) && readRecord(tags) !== undefined ? 'ours' : 'foreign';
    return cluster === undefined && this.usesLegacy && isName(name) ? 'rexray' : 'foreign';
  }

  volume(v: Ec2Volume): Volume {
    const tags = tagsOf(v.Tags);
    const whose = this.ownership(v);
    return {
      id: idOf(v),
      name: this.names.read(tags.get(TAG.name)) ?? idOf(v),
      sizeBytes: bytes((v.Size ?? 0) * GIB),
      ...(v.CreateTime !== undefined && { createdAt: new Date(v.CreateTime).toISOString() }),
      attachments: attachmentsOf(v).map(asNode),
      record: whose === 'ours' ? (readRecord(tags) ?? this.#unknown(idOf(v))) : this.#unknown(idOf(v), whose),
      params: paramsOf(v),
      ...(whose === 'foreign' && { foreign: true }),
      status: statusOf(v, tags),
    };
  }

  /**
   * REX-Ray kept no record. What it made counts as formatted, so that it is never formatted here; `copied` waives the
   * comparison with a UUID that nobody knows, until the first mount notes the one that it has from then on.
   */
  #unknown(id: string, whose: Ownership = 'foreign'): VolumeRecord {
    if (whose === 'foreign') return { ...emptyRecord({ state: 'none' }), revision: `none-${id}` };
    const format = { state: 'formatted', fsType: this.#c.legacyFsType, uuid: 'unknown' } as const;
    return { ...emptyRecord(format), copied: true, revision: `none-${id}` };
  }

  /** @throws VolumeError `denied` for what is not ours */
  assertUsable(v: Ec2Volume): void {
    if (this.ownership(v) !== 'foreign') return;
    const cluster = tagsOf(v.Tags).get(TAG.cluster);
    throw new VolumeError(
      'denied',
      `Volume ${idOf(v)} is not of this service${cluster === undefined ? '' : ` (its ${TAG.cluster} is "${cluster}")`}.`,
      {
        details: { rule: 'S12', found: cluster === undefined ? 'no record' : `cluster ${cluster}` },
        hint: 'Adopt it first. Volumes of REX-Ray are used as they are where ebs.legacy is true.',
      },
    );
  }
}

const asNode = (a: VolumeAttachment): NodeAttachment => ({
  node: a.InstanceId ?? '',
  epoch: 0,
  ...(a.AttachTime !== undefined && { since: new Date(a.AttachTime).toISOString() }),
});

export function paramsOf(v: Ec2Volume): EbsParams {
  const { VolumeType: type } = v;
  const limits = isVolumeType(type) ? LIMITS[type] : undefined;
  return {
    ...(isVolumeType(type) && { type }),
    ...(limits?.iops !== undefined && v.Iops !== undefined && { iops: v.Iops }),
    ...(limits?.throughput !== undefined && v.Throughput !== undefined && { throughput: v.Throughput }),
    encrypted: v.Encrypted === true,
    ...(v.KmsKeyId !== undefined && v.KmsKeyId !== '' && { encryptionKey: v.KmsKeyId }),
    ...(v.AvailabilityZone !== undefined && { availabilityZone: v.AvailabilityZone }),
  };
}

function statusOf(v: Ec2Volume, tags: ReadonlyMap<string, string>): Record<string, unknown> {
  const [a] = attachmentsOf(v);
  const present = {
    state: v.State,
    availabilityZone: v.AvailabilityZone,
    snapshot: v.SnapshotId || undefined,
    device: a?.Device,
    attachment: a?.State,
    from: tags.get(TAG.from),
    preempted: tags.get(TAG.preempted),
    ...hintsOf(v, readRecord(tags)?.hints),
    ...(tags.has(TAG.cluster) && readRecord(tags) === undefined && { problem: 'its record in the tags is not whole' }),
  };
  return Object.fromEntries(Object.entries(present).filter(([, x]) => x !== undefined));
}

/** Hints are acted on; which of them EC2 could not follow is said by name. */
function hintsOf(v: Ec2Volume, hints: VolumeRecord['hints'] | undefined): Record<string, unknown> {
  const have = { type: v.VolumeType, iops: v.Iops, availabilityZone: v.AvailabilityZone };
  const keys = Object.keys(have) as (keyof typeof have)[];
  const missed = keys.filter((k) => hints?.[k] !== undefined && hints[k] !== have[k]);
  return {
    hintsHonoured: true,
    ...(missed.length > 0 && {
      notFollowed: missed.map((k) => `${k} ${hints?.[k]}: it has ${have[k] ?? 'none'}`).join(', '),
    }),
  };
}
