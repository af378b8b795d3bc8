import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2';
import { type Attachment, type AttachOptions, notFound, VolumeError } from '@rexray/core';
import type { Patience } from './clock.ts';
import { detachFrom, takeOver } from './detach.ts';
import { assertRoom, freeDevices, matchOf, noDevice } from './devices.ts';
import { is, messageOf } from './errors.ts';
import { attachmentLimit, type Node, type TypeFacts } from './nodes.ts';
import type { Parts } from './parts.ts';
import { attachmentOn, attachmentsOf, idOf } from './view.ts';
import { lateError, until } from './waiting.ts';

type Step = { readonly done: Attachment } | { readonly still: string };
interface Wish {
  readonly id: string;
  readonly node: string;
  readonly o: AttachOptions;
}

/** Looks, tries, looks again: EC2's own refusal to attach twice is what decides between nodes. */
export async function attach(parts: Parts, wish: Wish, p: Patience): Promise<Attachment> {
  const { id, node, o } = wish;
  return parts.locks.run(`attach ${id}`, async () => {
    const sent = { attach: false };
    // What is remembered serves only for trying; whatever is answered or refused was read after the call began.
    let look: 'glance' | 'fresh' = 'glance';
    try {
      return await until<Attachment>({
        clock: parts.clock,
        patience: p,
        boundMs: parts.waitMs,
        firstMs: parts.firstLookMs,
        late: (still) => lateError(`Volume ${id} is not attached to ${node}`, still, 'attach', stuckHint(still)),
        step: async () => {
          const seen =
            look === 'fresh' ? { v: await parts.volumes.get(id, p), fresh: true } : await parts.volumes.glance(id, p);
          look = 'fresh';
          if (seen.v === undefined) {
            if (!seen.fresh) return { still: 'EC2 does not show it' };
            throw notFound('Volume', id);
          }
          const simple = seen.v.State === 'available' && attachmentsOf(seen.v).length === 0;
          if (!seen.fresh && !simple) return { still: 'it was in use a moment ago' };
          return step(parts, wish, seen.v, sent, p);
        },
      });
    } catch (e) {
      // The caller went away: what was begun for it is taken back. A deadline that passed leaves it to whoever repeats or detaches.
      if (sent.attach && p.signal.aborted && parts.clock.now() < p.deadline) {
        await detachFrom(parts, { id, node, force: o.force === 'unsafe' }, parts.lastWords()).catch(() => undefined);
      }
      throw e;
    }
  });
}

async function step(parts: Parts, wish: Wish, v: Ec2Volume, sent: { attach: boolean }, p: Patience): Promise<Step> {
  const { id, node, o } = wish;
  assertMay(parts, v, o);
  const mine = attachmentOn(v, node);
  if (mine !== undefined) {
    if (mine.State !== 'attached') return { still: `EC2 says ${mine.State} on ${node}` };
    const facts = await parts.nodes.facts((await parts.nodes.get(node, p)).type, p);
    return { done: described(id, mine.Device ?? '', facts, o.readonly) };
  }
  const others = attachmentsOf(v);
  if (others.length > 0 && !parts.config.multiAttach) {
    if (o.force === false && others.every((a) => a.State === 'detaching'))
      return { still: `EC2 says detaching from ${others[0]?.InstanceId}` };
    if (o.force === false) throw inUse(parts, v);
    await takeOver(parts, v, node, o.force, p);
    return { still: `it is being taken from ${others.map((a) => a.InstanceId).join(', ')}` };
  }
  if (v.State === 'creating') return { still: 'its state is creating' };
  if (v.State === 'error') throw broken(id);
  if (v.State !== 'available' && !(parts.config.multiAttach && v.State === 'in-use'))
    return { still: `its state is ${v.State}` };
  return tryAttach(parts, wish, v, sent, p);
}

async function tryAttach(
  parts: Parts,
  { id, node }: Wish,
  v: Ec2Volume,
  sent: { attach: boolean },
  p: Patience,
): Promise<Step> {
  const n = await parts.nodes.get(node, p);
  assertZone(parts, v, n);
  const facts = await parts.nodes.facts(n.type, p);
  const here = parts.self().node === node;
  const options = { large: parts.config.useLargeDeviceRange, sysBlock: here ? parts.sysBlock : undefined };
  if (n.devices.size >= attachmentLimit(facts, n.interfaces)) {
    const now = await parts.nodes.get(node, p, { fresh: true });
    assertRoom(now, attachmentLimit(facts, now.interfaces));
    return { still: 'places became free' };
  }
  const [device] = freeDevices(n, facts, id, options);
  if (device === undefined) throw noDevice(n, options);
  // Before the call: another volume must not choose the same name meanwhile.
  parts.nodes.took(node, device, id);
  try {
    sent.attach = true;
    parts.volumes.forget(id);
    await parts.client.mutate('AttachVolume', { VolumeId: id, InstanceId: node, Device: device }, p);
    return { still: `EC2 was asked to attach it to ${node} as ${device}` };
  } catch (e) {
    return refused(parts, { e, id, node: n, device }, p);
  }
}

/** What a refusal means for the next step; anything that no further look could answer is thrown. */
async function refused(
  parts: Parts,
  r: { readonly e: unknown; readonly id: string; readonly node: Node; readonly device: string },
  p: Patience,
): Promise<Step> {
  const { e, id, node, device } = r;
  const nameTaken = is(e, 'InvalidParameterValue') && /already in use|attachment point|device name/i.test(messageOf(e));
  // The name stays taken in our books until EC2's are read again: it is somebody's, or a ghost's.
  if (nameTaken) parts.nodes.took(node.id, device, 'somebody');
  else parts.nodes.gave(node.id, id);
  if (nameTaken) return { still: `device name ${device} is in use on ${node.id}` };
  if (is(e, 'VolumeInUse', 'IncorrectState')) return { still: messageOf(e) };
  if (is(e, 'AttachmentLimitExceeded')) {
    const facts = await parts.nodes.facts(node.type, p);
    throw new VolumeError('exhausted', `Instance ${node.id} (${node.type}) takes no further volume: ${messageOf(e)}`, {
      details: { limit: attachmentLimit(facts, node.interfaces), used: node.devices.size },
      cause: e,
      hint: 'Detach one, or use an instance type with more attachments.',
    });
  }
  throw e;
}

function assertMay(parts: Parts, v: Ec2Volume, o: AttachOptions): void {
  // To look at what is in it, before it is adopted; nobody writes.
  const looking = o.readonly && attachmentsOf(v).length === 0;
  if (!looking) parts.view.assertUsable(v);
  if (v.MultiAttachEnabled === true && !parts.config.multiAttach) {
    throw new VolumeError('denied', `Volume ${idOf(v)} has Multi-Attach: EC2 would give it to several nodes at once.`, {
      details: { rule: 'S10', found: 'MultiAttachEnabled' },
      hint: 'Switch Multi-Attach off (aws ec2 modify-volume --no-multi-attach-enabled), or use a service with ebs.multiAttach for raw devices.',
    });
  }
}

function assertZone(parts: Parts, v: Ec2Volume, n: Node): void {
  if (v.AvailabilityZone === n.zone || n.zone === '') return;
  const name = parts.view.volume(v).name;
  throw new VolumeError(
    'invalid',
    `Volume "${name}" (${idOf(v)}) is in ${v.AvailabilityZone}, node ${n.id} is in ${n.zone}: EBS attaches within a zone only.`,
    {
      details: { path: 'availabilityZone', value: v.AvailabilityZone, expected: n.zone },
      hint: `A snapshot and its restore move it: rexray volume clone ${name} <new name> --availabilityZone ${n.zone}`,
    },
  );
}

export function inUse(parts: Parts, v: Ec2Volume): VolumeError<'in_use'> {
  const [a] = attachmentsOf(v);
  const where = attachmentsOf(v).map((x) => `${x.InstanceId} (${x.State}, ${x.Device})`);
  return new VolumeError(
    'in_use',
    `Volume "${parts.view.volume(v).name}" (${idOf(v)}) is attached to ${where.join(', ')}.`,
    {
      details: {
        ...(a?.InstanceId !== undefined && { node: a.InstanceId }),
        epoch: 0,
        ...(a?.AttachTime !== undefined && { since: new Date(a.AttachTime).toISOString() }),
      },
      hint: 'Detach it there first, or take it over with --force (preempt).',
    },
  );
}

const described = (id: string, device: string, facts: TypeFacts, readonly: boolean): Attachment => ({
  kind: 'disk',
  match: matchOf(id, device, facts),
  ...(readonly && { readonly }),
});

const broken = (id: string): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `EC2 says that volume ${id} is in error: it cannot be attached.`, {
    details: { found: 'error' },
    hint: 'EC2 could not make it, or its hardware failed: restore a snapshot, and remove it.',
  });

const stuckHint = (still: string): string =>
  /attaching/.test(still)
    ? 'An attachment that stays "attaching" usually means a device name that the instance still holds: detach it, or reboot the instance.'
    : 'Look at the volume in EC2, then try again.';
