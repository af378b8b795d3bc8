import { VolumeError } from '../errors.ts';
import { attach, detach, disconnect } from './attach-steps.ts';
import { intentKey } from './env.ts';
import { lostTo } from './facts.ts';
import type { Step } from './steps.ts';
import { ended, intentOf, isBlock, need, type Work } from './work.ts';

/** How long a file system may be held still, in ms (S16). */
export const FREEZE_MS = 10_000;

/** A copy in the making: of a source that stands still while it is read. */
export interface CopyWork extends Work {
  readonly freeze: boolean;
  frozen?: boolean;
}

/** Mounted on this node and still ours: what was lost is neither frozen nor flushed any more (S11). */
export const mountedHere = (c: Pick<Work, 'env' | 'nv' | 'volume'>): boolean =>
  c.nv?.mount !== undefined && c.nv.volumeId === c.volume.id && lostTo(c.env, c.volume, c.nv) === undefined;
/** A platform that detaches by itself copies attached volumes consistently on its own side; elsewhere a claim keeps writers away. */
const claims = (c: Work): boolean => isBlock(c) && !mountedHere(c) && c.env.driver.traits.fencing !== 'detach';
const freezes = (c: CopyWork): boolean => isBlock(c) && mountedHere(c) && c.freeze && c.nv?.mount?.readonly !== true;

const freezeIntent: Step<CopyWork> = {
  name: 'intent',
  does: () => 'note the work in progress on this node',
  async run(c) {
    await c.env.store.commit([
      { put: intentKey(c.env.service, c.name), value: intentOf(c, { target: c.nv?.mount?.target }) },
    ]);
  },
  async undo(c) {
    await c.env.store.commit([{ del: intentKey(c.env.service, c.name) }]);
  },
  keptUnlessClean: true,
};

const freeze: Step<CopyWork> = {
  name: 'freeze',
  does: () => 'flush and hold the writes of the mounted file system',
  when: freezes,
  async run(c, ctx) {
    await c.session.freeze(need(c.nv?.mount, 'the mount').target, { maxMs: FREEZE_MS }, ctx);
    c.frozen = true;
  },
  async undo(c, ctx) {
    if (c.frozen === true) await c.session.thaw(need(c.nv?.mount, 'the mount').target, ctx);
    c.frozen = false;
  },
};

const thaw: Step<CopyWork> = {
  name: 'thaw',
  does: () => 'let writes go on',
  when: freezes,
  async run(c, ctx) {
    c.frozen = false;
    const { held } = await c.session.thaw(need(c.nv?.mount, 'the mount').target, ctx);
    if (held) return;
    throw new VolumeError(
      'timeout',
      `Copying volume "${c.name}" of service "${c.env.service}" took longer than the ${FREEZE_MS / 1000} s for which its file system may be frozen.`,
      {
        details: { afterMs: FREEZE_MS, step: 'thaw' },
        hint: 'The copy was removed. Unmount the volume for it, or keep it on a file system that can reflink (xfs, btrfs).',
      },
    );
  },
};

const flush: Step<CopyWork> = {
  name: 'sync',
  does: () => 'flush the mounted file system (the copy is crash-consistent)',
  // What was handed out without a mount (no device number) has nothing that could be flushed by its target.
  when: (c) => mountedHere(c) && !freezes(c) && c.nv?.mount?.readonly === false && c.nv.mount.devno !== '',
  run: (c, ctx) => c.session.sync(need(c.nv?.mount, 'the mount').target, ctx),
};

const claim: Step<CopyWork> = {
  ...attach,
  name: 'claim',
  does: () => 'claim the source, so that nobody writes to it meanwhile',
  when: claims,
} as Step<CopyWork>;

/** S6: a device that this host still has open somewhere (a container’s own namespace) is not a still one. */
const unused: Step<CopyWork> = {
  name: 'assert-unused',
  does: () => 'prove that nothing on this host has it',
  when: claims,
  run: (c, ctx) => assertUnusedIfConnected(c, ctx),
};

export async function assertUnusedIfConnected(c: Work, ctx: Parameters<Step<Work>['run']>[1]): Promise<void> {
  const attachment = c.attachment ?? c.nv?.attachment;
  if (attachment === undefined) return;
  const device = await c.session.find(attachment, ctx);
  if (device === undefined) return;
  await c.session.assertUnused(device, ctx);
  await disconnect.run(c, ctx);
}

const unclaim: Step<CopyWork> = {
  ...detach,
  name: 'unclaim',
  when: (c) => claims(c as CopyWork) && !(c as CopyWork).wasAttached,
} as Step<CopyWork>;

/** The copy step between what makes the source stand still and what lets it go on. */
export const quiesced = <C extends CopyWork>(copy: Step<C>): readonly Step<C>[] =>
  [freezeIntent, claim, unused, freeze, flush, copy, thaw, unclaim, ended] as readonly Step<C>[];

export function consistencyOf(c: CopyWork): 'clean' | 'crash' {
  const elsewhere = c.volume.attachments.some((a) => a.node !== c.env.node);
  if (!mountedHere(c)) return elsewhere ? 'crash' : 'clean';
  if (!isBlock(c)) return 'crash';
  return freezes(c) || c.nv?.mount?.readonly === true ? 'clean' : 'crash';
}

/** A volume whose format was interrupted has nothing worth copying. */
export function refuseFormatting(c: Work): VolumeError | undefined {
  if (c.volume.record.format.state !== 'formatting') return undefined;
  return new VolumeError('busy', `Volume "${c.name}" of service "${c.env.service}" was not formatted to the end.`, {
    details: { op: 'format' },
    hint: 'Mount it once, then copy it.',
  });
}
