import type { Mount, MountOptions } from '../../api.ts';
import type { Ctx } from '../../context.ts';
import type { VolumeError } from '../../errors.ts';
import { assertHostOptions, otherKindError } from '../ask.ts';
import { assertUnused, attach, connect } from '../attach-steps.ts';
import { claimedError, heldError, lostError } from '../facts.ts';
import { prepare } from '../format-steps.ts';
import {
  confirmClaim,
  growAfter,
  growBefore,
  hold,
  type MountWork,
  mount as mountStep,
  withHolder,
} from '../mount-steps.ts';
import { about, type Step } from '../steps.ts';
import type { Scope, Verb } from '../verb.ts';
import { intent, isBlock, need, settle } from '../work.ts';
import { workOn } from './gather.ts';

interface Work extends MountWork {
  /** Our own mount is there and alive: only a holder is added. */
  readonly alive: boolean;
  readonly wantsWrite: boolean;
  readonly asked: Pick<MountOptions, 'mountOptions' | 'subdir'>;
}

async function gather(scope: Scope, [name, o]: readonly [string, MountOptions], ctx: Ctx): Promise<Work> {
  const { policy } = scope.env;
  const base = await workOn(scope, 'mount', name, ctx, {
    readonly: o.readOnly === true,
    preempt: o.preempt ?? policy.preempt,
    implicit: o.preempt === undefined,
  });
  await assertHostOptions(scope.env, { ...base.volume.record, mountOptions: o.mountOptions }, ctx);
  const nv = base.nv;
  let alive = false;
  if (nv?.mount !== undefined && nv.volumeId === base.volume.id && nv.lost === undefined) {
    const there = await mountedNow(base, ctx);
    alive = there !== undefined && there === nv.mount.devno && stillOwned(base);
    if (there === undefined) base.notes.push('its mount had disappeared; it was mounted again');
  }
  return Object.assign(base, {
    holder: o.holder,
    subdir: o.subdir ?? policy.subdir,
    mountOptions: o.mountOptions ?? [],
    asked: { mountOptions: o.mountOptions, subdir: o.subdir },
    pid: o.pid,
    alive,
    wantsWrite: o.readOnly !== true && base.volume.record.readOnly !== true,
  });
}

/** Somebody may have taken it a moment ago, before the watch has seen it (S11). */
function stillOwned(c: Pick<Work, 'env' | 'nv' | 'volume'>): boolean {
  if (c.env.driver.traits.multiWriter) return true;
  return c.volume.attachments.some((a) => a.node === c.env.node && a.epoch === (c.nv?.epoch ?? a.epoch));
}

/** The kernel's word, not our note's: somebody may have unmounted by hand. */
async function mountedNow(c: Pick<Work, 'env' | 'nv'>, ctx: Ctx): Promise<string | undefined> {
  const target = c.nv?.mount?.target;
  if (target === undefined) return undefined;
  const rows = await c.env.host.mounts(target, ctx);
  const devno = rows.filter((r) => r.target === target).at(-1)?.devno;
  // Without root a directory is handed out as it is: there is no row to find.
  return devno ?? (c.nv?.mount?.devno === '' ? '' : undefined);
}

function forbid(c: Work): VolumeError | undefined {
  const { env, nv, volume } = c;
  const lost = lostError(env, volume, nv);
  if (lost !== undefined) return lost;
  if (c.alive && nv?.mount !== undefined && Object.keys(nv.holders).length > 0)
    return c.wantsWrite && nv.mount.readonly
      ? heldError(env, c.name, nv)
      : otherKindError(env, volume, nv.mount, c.asked);
  if (c.alive) return undefined;
  return c.preempt === false ? claimedError(env, volume) : undefined;
}

const again: Step<Work> = {
  name: 'hold',
  does: (c) => `record the holder ${c.holder}`,
  async run(c) {
    await settle(c, withHolder(c));
  },
};

/** Nothing holds it, but an earlier unmount did not finish, and it is not the kind of mount that is wanted: begin anew. */
const remount = (c: Work): boolean =>
  c.alive &&
  c.nv?.mount !== undefined &&
  ((c.wantsWrite && c.nv.mount.readonly) || otherKindError(c.env, c.volume, c.nv.mount, c.asked) !== undefined);

export const mount: Verb<readonly [string, MountOptions], Work, Mount> = {
  op: 'mount',
  locks: ([name]) => [name],
  gather,
  forbid,
  steps(c) {
    if (c.alive && !remount(c)) return [again];
    const clear: Step<Work>[] = remount(c)
      ? [
          {
            name: 'unmount',
            does: () => 'unmount what is mounted in another way',
            run: (w, ctx) => w.session.unmount(need(w.nv?.mount, 'the mount').target, {}, ctx),
          },
        ]
      : [];
    const block = isBlock(c) ? [assertUnused, ...prepare, growBefore] : [];
    return [intent, ...clear, attach, connect, ...block, mountStep, growAfter, confirmClaim, hold];
  },
  result(c, ctx) {
    const nv = need(c.nv, 'the mount');
    const m = need(nv.mount, 'the mount');
    const notes = [...c.notes];
    if (c.readonly && !m.readonly)
      notes.push('it is mounted for writing already: this mount is not read-only by itself');
    c.env.events.emit('volume.mounted', { ...about(c, ctx), holder: c.holder, path: m.path });
    return {
      volume: c.name,
      service: c.env.service,
      path: m.path,
      root: m.target,
      device: m.device ?? c.device?.path ?? '',
      fsType: m.fsType,
      readOnly: m.readonly,
      holders: Object.keys(nv.holders),
      notes,
    };
  },
};
