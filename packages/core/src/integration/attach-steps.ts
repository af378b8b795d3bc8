import type { Ctx } from '../context.ts';
import type { Attachment, DriverVolume } from '../driver.ts';
import { type AnyVolumeError, isVolumeError, VolumeError } from '../errors.ts';
import { sleep } from './calls.ts';
import { lostKey } from './env.ts';
import { usedByAnotherService } from './facts.ts';
import type { Step } from './steps.ts';
import { isBlock, mark, need, type Work } from './work.ts';

export const attach: Step<Work> = {
  name: 'attach',
  does: (c) =>
    `attach volume ${c.volume.id} to node ${c.env.node}${c.preempt === false ? '' : ', taking it from its owner if need be'}`,
  async run(c, ctx) {
    const { attachment, taken } = await attachOrTake(c, ctx);
    c.attachment = attachment;
    // The claim made just now (its epoch) is in the volume only after reading it again; a record may have changed with it (S10: `copied`).
    c.volume = await c.env.driver.get(c.volume.id, ctx);
    assertStillOurs(c);
    if (taken && c.env.driver.traits.fencing === 'detach') await shutOutRecord(c, ctx);
  },
  async undo(c, ctx) {
    if (!c.wasAttached) await c.env.driver.detach(c.volume.id, c.env.node, { force: false }, ctx);
  },
  keptUnlessClean: true,
};

/**
 * Taken again between the claim and the look at it: what the attachment describes is another node's, or an orphan (S10).
 * A platform whose own attachment is the claim may tell it late; there only another node's says something.
 */
function assertStillOurs(c: Work): void {
  const { env, volume } = c;
  if (env.driver.traits.multiWriter || volume.attachments.some((a) => a.node === env.node)) return;
  const owner = volume.attachments[0];
  if (owner !== undefined || env.driver.owner !== undefined) throw takenError(c, owner);
}

/** `in_use`: another node took the volume while a verb of this one ran; `owner` is absent when that node has let go again. */
export const takenError = (c: Work, owner: DriverVolume['attachments'][number] | undefined): VolumeError<'in_use'> =>
  new VolumeError(
    'in_use',
    `Volume "${c.name}" of service "${c.env.service}" was taken by ${owner === undefined ? 'another node' : `node ${owner.node}`} while this node claimed it.`,
    {
      details: owner === undefined ? {} : { node: owner.node, epoch: owner.epoch },
      hint: 'Nothing of it was kept here. Try again when that node has let go, or with preempt.',
    },
  );

/** A copy gets a UUID of its own before it is mounted, also read-only (S25): its device is written once. */
const readsOnly = (c: Work): boolean => c.readonly && c.volume.record.copied !== true;

/**
 * A detach takes the disk from its last owner, not the record: what a verb there still wants to note about the disk (the
 * UUID it just gave it) fails once the revision is another. A switch changes both at once, in the driver.
 */
async function shutOutRecord(c: Work, ctx: Ctx): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await mark(c, {}, ctx);
    } catch (e) {
      if (!isVolumeError(e, 'busy') || tries === SHUT_OUT_TRIES) throw e;
      c.volume = await c.env.driver.get(c.volume.id, ctx);
    }
  }
}
const SHUT_OUT_TRIES = 5;

interface Attached {
  readonly attachment: Attachment;
  /** By force, from an owner that may still be at work. */
  readonly taken: boolean;
}

async function attachOrTake(c: Work, ctx: Ctx): Promise<Attached> {
  const { env, volume } = c;
  const options = { readonly: readsOnly(c), bootId: env.self.bootId };
  const polite = async (): Promise<Attached> => ({
    attachment: await env.driver.attach(volume.id, env.node, { ...options, force: false }, ctx),
    taken: false,
  });
  try {
    return await polite();
  } catch (e) {
    if (c.preempt === false || !isVolumeError(e, 'in_use')) throw e;
    if (c.implicit) {
      await refuseTakeBack(c, e);
      const yielded = await waitForRelease(c, polite, ctx);
      if (yielded !== undefined) return yielded;
    }
    const force = c.preempt === 'unsafe' ? ('unsafe' as const) : true;
    const attachment = await env.driver.attach(volume.id, env.node, { ...options, force }, ctx);
    c.notes.push(`taken over from node ${e.details.node ?? 'unknown'}`);
    env.events.emit('warning', {
      message: `Volume "${c.name}" was taken over from node ${e.details.node ?? 'unknown'}.`,
      service: env.service,
      volume: c.name,
      at: new Date().toISOString(),
    });
    return { attachment, taken: true };
  }
}

/** S10: two nodes with the same configuration must not take a volume from each other for ever. */
async function refuseTakeBack(c: Work, e: VolumeError<'in_use'>): Promise<void> {
  const lost = await c.env.store.get<{ at: number; node: string }>(lostKey(c.env.service, c.name));
  if (lost === undefined) return;
  const ago = Date.now() - lost.at;
  if (ago >= 0 && ago < c.env.policy.noTakeBackMs) {
    throw new VolumeError(
      'in_use',
      `Volume "${c.name}" of service "${c.env.service}" was taken by node ${lost.node} ${Math.round(ago / 1000)} s ago; this node does not take it back by configuration within ${c.env.policy.noTakeBackMs / 1000} s.`,
      {
        details: e.details,
        hint: 'Mount with an explicit preempt if this node must have it.',
        cause: e,
      },
    );
  }
}

async function waitForRelease(c: Work, polite: () => Promise<Attached>, ctx: Ctx): Promise<Attached | undefined> {
  const { env, volume } = c;
  await env.driver.requestRelease?.(volume.id, env.node, ctx);
  const until = performance.now() + env.policy.releaseWaitMs;
  while (performance.now() < until) {
    await sleep(250, ctx.signal);
    ctx.progress({
      phase: 'waiting for the owner to let go',
      done: Math.round(env.policy.releaseWaitMs - (until - performance.now())),
      total: env.policy.releaseWaitMs,
      unit: 'ms',
    });
    try {
      return await polite();
    } catch (e) {
      if (!isVolumeError(e, 'in_use')) throw e;
    }
  }
  return undefined;
}

export const connect: Step<Work> = {
  name: 'connect',
  does: () => 'make the storage reachable on this host',
  async run(c, ctx) {
    c.device = await c.session.connect(
      need(c.attachment, 'the attachment'),
      { readonly: readsOnly(c), blockSize: c.volume.record.blockSize ?? 512 },
      ctx,
    );
    // A server cannot say which inode an image is here: what was found is what a disconnect means.
    const { attachment, device } = c;
    if (attachment?.kind === 'file' && attachment.elsewhere === true && device.backing !== undefined)
      c.attachment = { ...attachment, inode: device.backing };
  },
  async undo(c, ctx) {
    if (c.attachment !== undefined && c.device?.fresh !== false) await c.session.disconnect(c.attachment, ctx);
  },
};

/** S6, before anything is written to the device. */
export const assertUnused: Step<Work> = {
  name: 'assert-unused',
  does: () => 'prove that nothing else on this host has it',
  when: (c) => isBlock(c),
  run: (c, ctx) => c.session.assertUnused(need(c.device, 'the device'), ctx),
};

export const disconnect: Step<Work> = {
  name: 'disconnect',
  does: () => 'take it off this host and check that nothing of it is left',
  async run(c, ctx) {
    const attachment = c.attachment ?? c.nv?.attachment;
    if (attachment !== undefined) await c.session.disconnect(attachment, ctx);
  },
};

/** The note of the work stays, and with it the claim, until the server answers. */
const claimKept = (c: Work, e: AnyVolumeError): VolumeError =>
  new VolumeError(
    'unavailable',
    `Volume "${c.name}" of service "${c.env.service}" is off this node, but its claim could not be given back: ${e.message}`,
    {
      details: { retryAfterMs: 15_000 },
      hint: `It is given back by itself when the server answers; until then other nodes find it in use by node ${c.env.node}.`,
      cause: e,
    },
  );

export const detach: Step<Work> = {
  name: 'detach',
  does: (c) => `give up node ${c.env.node}'s claim`,
  async run(c, ctx) {
    if (await usedByAnotherService(c.env, c.volume.id)) return;
    try {
      await c.env.driver.detach(c.volume.id, c.env.node, { force: false }, ctx);
    } catch (e) {
      throw c.env.driver.traits.remote === true && isVolumeError(e, 'unavailable', 'timeout') ? claimKept(c, e) : e;
    }
  },
};
