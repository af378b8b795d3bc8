import { isVolumeError, VolumeError } from '../errors.ts';
import type { FsType } from '../record.ts';
import type { NodeVolume } from '../store.ts';
import { targetOf } from './env.ts';
import { lostTo } from './facts.ts';
import type { Step } from './steps.ts';
import { baseNodeVolume, isBlock, need, settle, type Work } from './work.ts';

/** A mount in the making. */
export interface MountWork extends Work {
  readonly holder: string;
  readonly subdir: string;
  readonly mountOptions: readonly string[];
  readonly pid: number | undefined;
}

/** Less at the end is not worth a step: hosts leave it alone too. */
const SLACK = 1024 ** 2;
/** So much an ext4 may have to leave unused: a last block group that would hold little more than its own tables. */
const UNUSABLE = 16 * SLACK;

const missing = (c: Work): number => {
  const fs = c.probe?.fsBytes;
  const dev = c.device?.sizeBytes;
  return fs === undefined || dev === undefined ? 0 : dev - fs;
};
const smaller = (c: Work): boolean => missing(c) > SLACK;
const fsTypeOf = (c: Work): FsType | undefined => {
  const f = c.volume.record.format;
  return f.state === 'none' ? undefined : f.fsType;
};

async function grow(c: Work, target: string | undefined, ctx: Parameters<Step<Work>['run']>[1]): Promise<void> {
  const fsType = fsTypeOf(c);
  if (fsType === undefined) return;
  try {
    const r = await c.session.grow(
      need(c.device, 'the device'),
      { fsType, ...(target !== undefined && { target }) },
      ctx,
    );
    if (!r.grown && missing(c) > UNUSABLE)
      c.notes.push(`the file system is smaller than the volume and could not grow: ${r.why ?? 'unknown reason'}`);
  } catch (e) {
    // S17: a grow that fails never blocks the mount; it is tried again at the next one.
    if (!isVolumeError(e) || isVolumeError(e, 'canceled', 'timeout')) throw e;
    c.notes.push(`the file system could not grow: ${e.message}`);
  }
}

/** ext4 grows while unmounted; the others need to be mounted. */
export const growBefore: Step<Work> = {
  name: 'grow-unmounted',
  does: () => 'grow the file system to the volume',
  maybe: () => true,
  when: (c) => isBlock(c) && fsTypeOf(c) === 'ext4' && !c.readonly && c.formatted !== true && smaller(c),
  run: (c, ctx) => grow(c, undefined, ctx),
};
export const growAfter: Step<Work> = {
  name: 'grow-mounted',
  does: () => 'grow the file system to the volume',
  maybe: () => true,
  when: (c) => isBlock(c) && fsTypeOf(c) !== 'ext4' && !c.readonly && c.formatted !== true && smaller(c),
  run: (c, ctx) => grow(c, targetOf(c.env, c.name), ctx),
};

export const mount: Step<MountWork> = {
  name: 'mount',
  does: (c) => `mount it at ${targetOf(c.env, c.name)}`,
  async run(c, ctx) {
    const fsType = fsTypeOf(c);
    const { owner, mountOptions } = c.volume.record;
    c.mount = await c.session.mount(
      need(c.device, 'the device'),
      {
        target: targetOf(c.env, c.name),
        ...(fsType !== undefined && { fsType }),
        readonly: c.readonly,
        options: [...(mountOptions ?? []), ...c.mountOptions],
        subdir: c.subdir,
        owner: { mode: c.env.policy.dataMode, ...owner },
        makeSubdir: !c.readonly,
      },
      ctx,
    );
  },
  async undo(c, ctx) {
    await c.session.unmount(
      targetOf(c.env, c.name),
      {
        ...(c.device !== undefined && { expectDevno: c.device.devno }),
        ...(c.claimLost === true && { kill: true }),
      },
      ctx,
    );
  },
};

/**
 * The claim is looked at again when the mount stands: from here on the watch sees a loss, before here nobody would, and
 * two nodes would write (S10, S11). What was mounted without a claim is taken off without a last flush.
 */
export const confirmClaim: Step<MountWork> = {
  name: 'confirm-claim',
  does: () => 'see that the claim is still ours',
  when: (c) => !c.env.driver.traits.multiWriter,
  async run(c, ctx) {
    const { env } = c;
    const had = c.volume.attachments.find((a) => a.node === env.node);
    const now = await env.driver.get(c.volume.id, ctx);
    const has = now.attachments.find((a) => a.node === env.node);
    const alone = now.attachments.every((a) => a.node === env.node);
    // A platform that did not tell our attachment yet has no epoch to compare with.
    if ((had === undefined || has?.epoch === had.epoch) && alone) return;
    c.claimLost = true;
    const owner = now.attachments.find((a) => a.node !== env.node) ?? has;
    throw new VolumeError(
      'in_use',
      `Volume "${c.name}" of service "${env.service}" was taken by ${owner === undefined ? 'another node' : `node ${owner.node}`} while it was being mounted here.`,
      {
        details: { epoch: owner?.epoch ?? had?.epoch ?? 0, ...(owner !== undefined && { node: owner.node }) },
        hint: 'It was taken off again. Mount it when that node has let go, or with preempt.',
      },
    );
  },
};

/** The end of a mount: holder, mount and the end of the intent in one durable commit, before the caller hears of it. */
export const hold: Step<MountWork> = {
  name: 'hold',
  does: (c) => `record the holder ${c.holder}`,
  run: (c) => settle(c, withHolder(c)),
};

export function withHolder(c: MountWork): NodeVolume {
  const base = baseNodeVolume(c);
  const m = c.mount;
  const before = Object.hasOwn(base.holders, c.holder) ? base.holders[c.holder] : undefined;
  const entry = {
    count: (before?.count ?? 0) + 1,
    since: before?.since ?? new Date().toISOString(),
    ...(c.pid !== undefined && { pid: c.pid }),
  };
  const backing = c.device?.backing;
  return {
    ...base,
    ...(m === undefined
      ? c.nv?.mount !== undefined && { mount: c.nv.mount }
      : {
          mount: {
            target: m.target,
            path: m.path,
            ...(c.device !== undefined && { device: c.device.path }),
            devno: m.devno,
            mountId: m.mountId,
            readonly: m.readonly,
            fsType: m.fsType,
            ...(backing !== undefined && { backing }),
            subdir: c.subdir,
            ...(c.mountOptions.length > 0 && { options: c.mountOptions }),
          },
        }),
    ...(c.attachment === undefined && c.nv?.attachment !== undefined && { attachment: c.nv.attachment }),
    ...(m === undefined && c.nv !== undefined && { epoch: c.nv.epoch }),
    holders: { ...base.holders, [c.holder]: entry },
  };
}

/** Off the host: used by the last unmount and by reconcile. Of what another node has by now, nothing is written any more (S11). */
export const unmount: Step<Work> = {
  name: 'unmount',
  does(c) {
    const lost = lostTo(c.env, c.volume, c.nv);
    const target = c.nv?.mount?.target ?? targetOf(c.env, c.name);
    return lost === undefined
      ? `unmount ${target}`
      : `stop the writes and unmount ${target}: node ${lost.node} has the volume now`;
  },
  run(c, ctx) {
    const devno = c.nv?.mount?.devno;
    const kill = lostTo(c.env, c.volume, c.nv) !== undefined;
    return c.session.unmount(
      c.nv?.mount?.target ?? targetOf(c.env, c.name),
      { ...(kill && { kill }), ...(devno !== undefined && { expectDevno: devno }) },
      ctx,
    );
  },
};

/** Not awaited on disk: done again, it changes nothing. */
export const forget: Step<Work> = {
  name: 'forget',
  does: () => 'delete the note of this node',
  run: (c) => settle(c, undefined, { durable: false }),
};
