import { randomBytes } from 'node:crypto';
import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2';
import { type InitialRecord, notFound, VolumeError } from '@rexray/core';
import type { Patience } from './clock.ts';
import { duplicate } from './compare.ts';
import type { Making } from './create.ts';
import { isRoot } from './detach.ts';
import type { Parts } from './parts.ts';
import { asList, recordTags, TAG, tagsOf } from './tags.ts';
import { attachmentsOf, idOf, type Volume } from './view.ts';

/** Makes a volume ours by its tags, all in one request. Again is the same. */
export async function adopt(
  parts: Parts,
  making: Making,
  o: { readonly id: string; readonly name: string; readonly record: InitialRecord },
  p: Patience,
): Promise<Volume> {
  const { id, name, record } = o;
  const { view, volumes, config, client, locks } = parts;
  return locks.run(`name ${name}`, async () => {
    const v = await volumes.get(id, p);
    if (v === undefined) throw notFound('Volume', id);
    const other = await making.find(name, p);
    if (other !== undefined && other.VolumeId !== id) throw duplicate(name, [v, other]);
    if (view.ownership(v) === 'ours') {
      const ours = view.volume(v);
      if (ours.name === name) return ours;
      throw new VolumeError('already_exists', `Volume ${id} is ours already, as "${ours.name}".`, {
        details: { differs: { name: { have: ours.name, asked: name } } },
      });
    }
    assertIdle(parts, v);
    const { revision, chunks } = recordTags(record, { counter: 1, nonce: randomBytes(6).toString('hex') });
    const tags = {
      [TAG.name]: view.names.written(name),
      [TAG.cluster]: config.clusterID,
      [TAG.revision]: revision,
      ...chunks,
    };
    await client.mutate('CreateTags', { Resources: [id], Tags: asList(tags) }, p, { idempotent: true });
    volumes.forget(id);
    for (let i = 0; i < 50; i++) {
      const now = await volumes.get(id, p);
      if (now !== undefined && tagsOf(now.Tags).get(TAG.revision) === revision) return view.volume(now);
      await parts.clock.sleep(100, p.signal);
    }
    throw new VolumeError('unavailable', `EC2 does not show the tags that volume ${id} was given.`, { details: {} });
  });
}

/** Ours, it could be taken from whoever has it: what another instance uses, or runs from, is not adopted. */
function assertIdle(parts: Parts, v: Ec2Volume): void {
  const users = attachmentsOf(v).filter((a) => a.InstanceId !== parts.self().node || isRoot(a));
  if (users.length === 0) return;
  const cluster = tagsOf(v.Tags).get(TAG.cluster);
  const whose = cluster === undefined ? '' : ` (cluster "${cluster}")`;
  throw new VolumeError(
    'in_use',
    `Volume ${idOf(v)}${whose} is attached to ${users.map((a) => `${a.InstanceId} as ${a.Device}`).join(', ')}.`,
    { details: {}, hint: 'Detach it there first.' },
  );
}
