import { bytes } from '../../bytes.ts';
import type { CallOptions, Ctx } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import { isVolumeError } from '../../errors.ts';
import { assertName } from '../../names.ts';
import { emptyRecord } from '../../record.ts';
import type { HolderEntry, NodeVolume } from '../../store.ts';
import { detach, disconnect } from '../attach-steps.ts';
import { type Env, intentKey, lostKey, volumeKey } from '../env.ts';
import { find, here, type Loss, lostTo } from '../facts.ts';
import { forget, unmount as unmountStep } from '../mount-steps.ts';
import { about, type Step } from '../steps.ts';
import type { Scope, Verb } from '../verb.ts';
import { intentOf, settle, type Work } from '../work.ts';
import { makeWork } from './gather.ts';

export type UnmountOptions = {
  readonly holder: string;
  readonly all?: boolean | undefined;
  readonly once?: boolean | undefined;
} & CallOptions;

interface UnmountWork extends Work {
  readonly holder: string;
  readonly left: Readonly<Record<string, HolderEntry>>;
  readonly nothing: boolean;
  /** Somebody is told of an unmount only where this holder, or a class without ids, had one. */
  readonly dropped: boolean;
  /** Another node owns it now: nothing of ours may be written any more (S11). */
  readonly lost: Loss | undefined;
}

/** Classes whose callers have no id of their own: with `ignoreUsedCount` one unmount drops all of them (S19). */
const classOf = (holder: string): string => holder.split(':', 1)[0] ?? holder;
const ANONYMOUS = new Set(['dvdcli', 'cli']);

export function withoutHolder(
  nv: NodeVolume,
  holder: string,
  o: { all: boolean; ignoreUsedCount: boolean },
): Record<string, HolderEntry> {
  const left = { ...nv.holders };
  if (o.ignoreUsedCount && ANONYMOUS.has(holder)) {
    for (const h of Object.keys(left)) if (classOf(h) === holder) delete left[h];
    return left;
  }
  const entry = Object.hasOwn(left, holder) ? left[holder] : undefined;
  if (entry === undefined) return left;
  if (o.all || entry.count <= 1) delete left[holder];
  else left[holder] = { ...entry, count: entry.count - 1 };
  return left;
}

async function gather(scope: Scope, [name, o]: readonly [string, UnmountOptions], ctx: Ctx): Promise<UnmountWork> {
  const { env } = scope;
  assertName(name);
  const nv = await here(env, name);
  const volume = (nv === undefined ? undefined : await known(scope, name, nv, ctx)) ?? gone(env, name, nv);
  const base = await makeWork(scope, 'unmount', name, volume, nv);
  const left =
    nv === undefined
      ? {}
      : withoutHolder(nv, o.holder, {
          all: o.all === true,
          ignoreUsedCount: env.policy.ignoreUsedCount && o.once !== true,
        });
  return Object.assign(base, {
    holder: o.holder,
    left,
    nothing: nv === undefined,
    dropped: nv !== undefined && !sameHolders(left, nv.holders),
    lost: lostTo(env, volume, nv),
  });
}

/** Unmounting must work although the storage knows the volume by another name, or no more. */
async function known(scope: Scope, name: string, nv: NodeVolume, ctx: Ctx): Promise<DriverVolume | undefined> {
  const { driver } = scope.env;
  try {
    const v = await find(scope.env, name, ctx);
    return v?.id === nv.volumeId ? v : await driver.get(nv.volumeId, ctx);
  } catch (e) {
    // Cut off from the server: what is mounted here comes off all the same; the claim is given back when it answers.
    const away = driver.traits.remote === true && isVolumeError(e, 'unavailable');
    if (away || isVolumeError(e, 'not_found')) return undefined;
    throw e;
  }
}

/** Nobody can have taken over what is not there: it is unmounted as our own. */
const gone = (env: Env, name: string, nv: NodeVolume | undefined): DriverVolume => ({
  id: nv?.volumeId ?? '',
  name,
  sizeBytes: bytes(0),
  attachments: nv === undefined ? [] : [{ node: env.node, epoch: nv.epoch }],
  record: { ...emptyRecord({ state: 'none' }), revision: '' },
  params: {},
});

/** Holder gone and unmount begun, in one durable commit: a crash from here on is finished by reconcile. */
const drop: Step<UnmountWork> = {
  name: 'drop',
  does: (c) => `drop the holder ${c.holder}`,
  async run(c) {
    const { nv } = c;
    if (nv === undefined) return;
    const next: NodeVolume = { ...nv, holders: {} };
    await c.env.store.commit([
      { put: volumeKey(c.env.service, c.name), value: next },
      { put: intentKey(c.env.service, c.name), value: intentOf(c) },
      ...(c.lost !== undefined && nv.lost === undefined
        ? [{ put: lostKey(c.env.service, c.name), value: { at: Date.now(), node: c.lost.node } }]
        : []),
    ]);
    c.nv = next;
  },
};

const release: Step<UnmountWork> = {
  name: 'release',
  does: (c) => `drop the holder ${c.holder}; ${Object.keys(c.left).join(', ')} still need it`,
  run: (c) => settle(c, c.nv === undefined ? undefined : { ...c.nv, holders: c.left }),
};

export const keepAttached: Step<Work> = {
  name: 'keep-attached',
  does: () => 'note that it stays attached, as it was asked for',
  async run(c) {
    if (c.nv === undefined) return;
    const { mount: _mount, ...rest } = c.nv;
    await settle(c, rest);
  },
};

export const unmount: Verb<readonly [string, UnmountOptions], UnmountWork, void> = {
  op: 'unmount',
  locks: ([name]) => [name],
  gather,
  steps(c) {
    if (c.nothing || c.nv === undefined) return [];
    if (Object.keys(c.left).length > 0) return c.dropped ? [release] : [];
    if (c.nv.mount === undefined && c.nv.attached === true) return [];
    const end: Step<UnmountWork>[] =
      c.nv.attached === true && c.lost === undefined
        ? [keepAttached]
        : c.volume.id === '' || c.lost !== undefined
          ? [forget]
          : [detach, forget];
    return [drop, unmountStep, disconnect, ...end];
  },
  result(c, ctx) {
    if (c.dropped) c.env.events.emit('volume.unmounted', { ...about(c, ctx), holder: c.holder });
  },
};

type Holders = Readonly<Record<string, HolderEntry>>;
const sameHolders = (a: Holders, b: Holders): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((k) => a[k]?.count === b[k]?.count);
