import type { Volume as Ec2Volume, VolumeAttachment } from '@aws-sdk/client-ec2';
import { type AttachOptions, VolumeError } from '@rexray/core';
import type { Patience } from './clock.ts';
import { is, messageOf, tooSlow } from './errors.ts';
import type { Parts } from './parts.ts';
import { asList, TAG } from './tags.ts';
import { attachmentOn, attachmentsOf, idOf } from './view.ts';
import { until } from './waiting.ts';

const OVER = ['stopped', 'terminated'];
/** Names of root devices; a volume of ours is never attached by one. */
const ROOTS = ['/dev/sda1', '/dev/sda', '/dev/xvda', '/dev/xvda1'];
export const isRoot = (a: VolumeAttachment): boolean => ROOTS.includes(a.Device ?? '');

/** Post-state: the instance does not have it. Never touches another instance's attachment. */
export function detachFrom(
  parts: Parts,
  o: { readonly id: string; readonly node: string; readonly force: boolean },
  p: Patience,
): Promise<void> {
  const { id, node } = o;
  let look: 'glance' | 'fresh' = 'glance';
  return until<void>({
    clock: parts.clock,
    patience: p,
    boundMs: parts.waitMs,
    firstMs: parts.firstLookMs,
    late: (still) =>
      tooSlow(
        `Volume ${id} is still on ${node}`,
        still,
        'Unmount it there; if the instance hangs, stop it (aws ec2 stop-instances), or detach with --force, which may lose what it had not written.',
        'detach',
      ),
    step: async () => {
      const seen =
        look === 'fresh' ? { v: await parts.volumes.get(id, p), fresh: true } : await parts.volumes.glance(id, p);
      look = 'fresh';
      const a = seen.v === undefined ? undefined : attachmentOn(seen.v, node);
      if (a === undefined || seen.v === undefined) {
        if (!seen.fresh) return { still: 'not looked at again' };
        parts.nodes.gave(node, id);
        return { done: undefined };
      }
      assertNotRoot(seen.v, a);
      if (a.State === 'detaching') return { still: 'EC2 says detaching' };
      if (a.State === 'busy' && !o.force) return { still: 'EC2 says busy: the instance still uses the device' };
      return send(parts, { id, node, force: o.force }, p);
    },
  });
}

async function send(
  parts: Parts,
  o: { readonly id: string; readonly node: string; readonly force: boolean },
  p: Patience,
): Promise<{ readonly still: string }> {
  parts.volumes.forget(o.id);
  try {
    const input = { VolumeId: o.id, InstanceId: o.node, ...(o.force && { Force: true }) };
    await parts.client.mutate('DetachVolume', input, p);
    return { still: 'EC2 was asked to detach it' };
  } catch (e) {
    // Somebody was faster, or an earlier reply was lost: the next look says which.
    if (is(e, 'IncorrectState', 'InvalidAttachment.NotFound')) return { still: messageOf(e) };
    throw e;
  }
}

/** Takes a volume from whoever has it, once it may; what was the reason is noted with the volume first (S10). */
export async function takeOver(
  parts: Parts,
  v: Ec2Volume,
  node: string,
  force: Exclude<AttachOptions['force'], false>,
  p: Patience,
): Promise<void> {
  const id = idOf(v);
  for (const a of attachmentsOf(v)) {
    const loser = a.InstanceId ?? '';
    const state = await stateOf(parts, loser, p);
    if (force !== 'unsafe') assertMayTake(parts, id, loser, state);
    const note = JSON.stringify({
      from: loser,
      state,
      by: node,
      why: force === 'unsafe' ? 'unsafe' : 'preempt',
      at: new Date().toISOString(),
    });
    await parts.client.mutate(
      'CreateTags',
      { Resources: [id], Tags: asList({ [TAG.preempted]: note.slice(0, 255) }) },
      p,
      {
        idempotent: true,
      },
    );
    // A stopped instance lets go by itself; a running one has the device taken from it, mounted or not.
    await detachFrom(parts, { id, node: loser, force: !OVER.includes(state) }, p);
  }
}

async function stateOf(parts: Parts, node: string, p: Patience): Promise<string> {
  try {
    return (await parts.nodes.get(node, p, { fresh: true })).state;
  } catch (e) {
    // An instance that EC2 has forgotten was terminated.
    if ((e as { code?: string }).code === 'not_found') return 'terminated';
    throw e;
  }
}

function assertMayTake(parts: Parts, id: string, loser: string, state: string): void {
  if (parts.config.preempt === 'any' || OVER.includes(state)) return;
  throw new VolumeError(
    'denied',
    `Volume ${id} stays with ${loser}: EC2 says that instance is ${state}, and ebs.preempt is when-instance-stopped.`,
    {
      details: { rule: 'S10', found: `${loser} is ${state}` },
      hint: `Stop the instance (aws ec2 stop-instances --instance-ids ${loser}), or take the volume "unsafe".`,
    },
  );
}

function assertNotRoot(v: Ec2Volume, a: VolumeAttachment): void {
  if (!isRoot(a)) return;
  throw new VolumeError('denied', `Volume ${idOf(v)} is the root volume of ${a.InstanceId}.`, {
    details: { rule: 'S12', found: a.Device ?? '' },
  });
}
