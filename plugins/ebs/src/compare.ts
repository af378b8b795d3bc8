import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2';
import { VolumeError, type VolumeSpec } from '@rexray/core';
import type { EbsParams } from './config.ts';
import { TAG, tagsOf } from './tags.ts';
import { idOf, type Volume } from './view.ts';

type Differs = Record<string, { have: unknown; asked: unknown }>;

/** What a new volume is a copy of: what its tag says, and the snapshot that it is made from. */
export interface Copied {
  readonly source: string;
  readonly snapshot: string;
}

/** @throws VolumeError `already_exists` when an existing volume lacks what was asked for */
export function assertSame(
  v: Volume,
  spec: VolumeSpec<EbsParams>,
  raw: Ec2Volume,
  copied: Pick<Copied, 'source'> | undefined,
): void {
  const differs: Differs = {};
  const from = tagsOf(raw.Tags).get(TAG.from);
  if (copied !== undefined && from !== copied.source) differs.from = { have: from ?? 'nothing', asked: copied.source };
  if (copied === undefined) {
    if (spec.asked.includes('size') && v.sizeBytes < spec.sizeBytes)
      differs.size = { have: v.sizeBytes, asked: spec.sizeBytes };
    if (spec.asked.includes('params')) Object.assign(differs, paramDifferences(v.params, spec.params));
  }
  if (Object.keys(differs).length === 0) return;
  throw new VolumeError(
    'already_exists',
    `Volume "${v.name}" (${v.id}) exists and differs in ${Object.keys(differs).join(', ')}.`,
    {
      details: { differs },
      hint: 'Choose another name, or change the volume.',
    },
  );
}

function paramDifferences(have: EbsParams, asked: EbsParams): Differs {
  const differs: Differs = {};
  for (const key of Object.keys(asked) as (keyof EbsParams)[]) {
    const [mine, wanted] = [have[key], asked[key]];
    if (wanted === undefined || mine === wanted) continue;
    // EC2 answers a key's ARN for its id; an alias cannot be compared.
    if (key === 'encryptionKey' && (String(wanted).includes('alias/') || String(mine).endsWith(`/${wanted}`))) continue;
    differs[key] = { have: mine, asked: wanted };
  }
  return differs;
}

export function duplicate(name: string, found: readonly Ec2Volume[]): VolumeError<'invalid'> {
  const ids = found.map((v) => `${idOf(v)} (${v.AvailabilityZone}, ${v.State})`).join(', ');
  return new VolumeError('invalid', `${found.length} volumes are named "${name}": ${ids}.`, {
    details: { path: 'name', value: name, expected: 'one volume' },
    hint: `Change the ${TAG.name} tag of all but one.`,
  });
}
