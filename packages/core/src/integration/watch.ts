import type { Ctx } from '../context.ts';
import type { Ownership } from '../driver.ts';
import { isVolumeError } from '../errors.ts';
import type { HostSession } from '../host.ts';
import type { NodeVolume } from '../store.ts';
import { beginCall, freshCtx } from './calls.ts';
import { type Env, intentKey, isCrash, lockKey, lostKey, volumeKey } from './env.ts';
import { retryLeftovers } from './reconcile.ts';

/** How often an owner looks whether it still is one, in ms (S11: at most 2 s). */
export const WATCH_MS = 1_500;

/** How often a process looks whether it left something unfinished, in ms. */
const LEFTOVERS_EVERY_MS = 15_000;
/** How long the storage may take to say who the owner is, and a loss to be acted on, in ms. */
const LOOK_MS = 30_000;

/** What looks after one service: when it looked for leftovers, and what it is looking at now. */
interface Looking {
  leftoversAt: number;
  readonly at: Set<string>;
  /** Volumes of which nobody could tell whose they are, and why. */
  readonly unsure: Map<string, string>;
  unsureSince: number;
}
const lookings = new WeakMap<Env, Looking>();
function lookingOf(env: Env): Looking {
  const there = lookings.get(env) ?? {
    leftoversAt: performance.now(),
    at: new Set(),
    unsure: new Map(),
    unsureSince: 0,
  };
  lookings.set(env, there);
  return there;
}

/** One look at a time at one thing: what takes long delays no look at another. */
async function once(looking: Looking, what: string, look: () => Promise<void>): Promise<void> {
  if (looking.at.has(what)) return;
  looking.at.add(what);
  try {
    await look();
  } finally {
    looking.at.delete(what);
  }
}

async function finishLeftovers(env: Env, looking: Looking): Promise<void> {
  if (performance.now() - looking.leftoversAt < LEFTOVERS_EVERY_MS) return;
  looking.leftoversAt = performance.now();
  for (const r of await retryLeftovers(env, freshCtx({ requestId: 'watch' }))) {
    env.logger.warn({ service: env.service, volume: r.volume }, `finished later: ${r.did}`);
  }
}

/**
 * One look at every volume that this node has mounted: a lost claim ends our writes at once (S11); a wish for release is
 * told. May be called again before it has answered: it then looks at the volumes that nobody is looking at.
 * @param closing ends the asking when the process wants to end; what was lost is still taken off
 * @returns how many volumes are mounted
 */
export async function watchOnce(env: Env, closing?: AbortSignal): Promise<number> {
  const looking = lookingOf(env);
  const rows = (await env.store.list<NodeVolume>(volumeKey(env.service, '')))
    .map(([, nv]) => nv)
    .filter((nv) => nv.bootId === env.self.bootId && nv.mount !== undefined);
  const inQuestion = new Set(rows.filter((nv) => nv.lost === undefined).map((nv) => nv.volume));
  for (const gone of [...looking.unsure.keys()].filter((v) => !inQuestion.has(v)))
    sure(env, looking, gone, 'no volume is left of which it was not known whether it is still ours');
  await Promise.all([
    once(looking, '', () => finishLeftovers(env, looking)),
    ...(env.driver.owner === undefined ? [] : rows).map((nv) =>
      once(looking, nv.volume, () =>
        nv.lost === undefined ? look({ env, looking, closing }, nv) : lookAgain(env, nv),
      ),
    ),
  ]);
  return rows.length;
}

/** Cut off, every look at every volume fails alike: told once when it begins for a service, and once when it ends. */
function unsure(env: Env, looking: Looking, volume: string, e: unknown): void {
  const code = isVolumeError(e) ? e.code : 'internal';
  const reason = code === 'timeout' ? 'unavailable' : code;
  const told = [...looking.unsure.values()].includes(reason);
  if (looking.unsure.size === 0) looking.unsureSince = performance.now();
  looking.unsure.set(volume, reason);
  env.logger[told ? 'debug' : 'warn'](
    { service: env.service, volume, err: isVolumeError(e) ? e.message : String(e) },
    'could not tell whether the volume is still ours; this is asked again, and said again when it is known',
  );
}

function sure(env: Env, looking: Looking, volume: string, how: string): void {
  if (!looking.unsure.delete(volume) || looking.unsure.size > 0) return;
  // At the level of its beginning: whoever saw that must see this.
  env.logger.warn({ service: env.service, afterMs: Math.round(performance.now() - looking.unsureSince) }, how);
}

interface Round {
  readonly env: Env;
  readonly looking: Looking;
  readonly closing: AbortSignal | undefined;
}

/** Not knowing is not losing: an unreachable storage is looked at again. @returns undefined where it is not known */
async function ownership(at: Round, nv: NodeVolume, ctx: Ctx): Promise<Ownership | undefined> {
  const { env, looking, closing } = at;
  try {
    const o = await env.driver.owner?.(nv.volumeId, env.node, ctx);
    sure(env, looking, nv.volume, 'the storage says again which volumes are ours');
    return o;
  } catch (e) {
    // Its own end tells the watch nothing of the storage.
    if (closing?.aborted !== true) unsure(env, looking, nv.volume, e);
    return undefined;
  }
}

async function look(at: Round, nv: NodeVolume): Promise<void> {
  const { env, closing } = at;
  const { ctx, end } = beginCall(undefined, { timeoutMs: LOOK_MS, progress: () => {}, closing });
  try {
    const o = await ownership(at, nv, ctx);
    if (o?.mine === false) await lose(env, nv, o);
    else if (o?.releaseAsked !== undefined) await asked(env, nv, o.releaseAsked, ctx);
  } catch (e) {
    if (closing?.aborted === true) return;
    env.logger.warn(
      { service: env.service, volume: nv.volume, err: isVolumeError(e) ? e.message : String(e) },
      'what was found of a claim could not be acted on; it is tried again',
    );
  } finally {
    end();
  }
}

/** What was lost and could not be taken off is tried again until it is: somebody had it open. */
async function lookAgain(env: Env, nv: NodeVolume): Promise<void> {
  const ctx = freshCtx({ requestId: 'watch' }, LOOK_MS);
  const target = nv.mount?.target ?? '';
  const there = (await env.host.mounts(target, ctx)).some((r) => r.target === target && r.devno === nv.mount?.devno);
  if (!there) return;
  const session = await env.host.open(lockKey(env, nv.volume), ctx);
  try {
    await takeAway(session, nv, ctx);
  } catch (e) {
    env.logger.debug({ service: env.service, volume: nv.volume, err: String(e) }, 'lost, and still mounted');
  } finally {
    await session.release();
  }
}

async function takeAway(session: HostSession, nv: NodeVolume, ctx: Ctx): Promise<void> {
  if (nv.mount === undefined) return;
  await session.unmount(nv.mount.target, { kill: true, expectDevno: nv.mount.devno }, ctx);
  if (nv.attachment !== undefined) await session.disconnect(nv.attachment, ctx);
}

/** Writes stop first (shutdown ioctl), then everything is taken off; the holders stay marked as lost until they unmount. */
async function lose(env: Env, nv: NodeVolume, o: Ownership): Promise<void> {
  const ctx = freshCtx({ requestId: 'watch' }, LOOK_MS);
  const session = await env.host.open(lockKey(env, nv.volume), ctx);
  try {
    const now = await env.store.get<NodeVolume>(volumeKey(env.service, nv.volume));
    if (now?.mount === undefined || now.volumeId !== nv.volumeId || now.lost !== undefined) return;
    if (now.epoch !== nv.epoch) return; // mounted again meanwhile
    try {
      await takeAway(session, now, ctx);
    } catch (e) {
      if (isCrash(e)) throw e;
      env.logger.warn(
        { service: env.service, volume: nv.volume, err: isVolumeError(e) ? e.message : String(e) },
        'what was lost could not be taken off yet; it is tried again',
      );
    }
    await noteLoss(env, now, o, ctx);
  } finally {
    await session.release();
  }
}

async function noteLoss(env: Env, nv: NodeVolume, o: Ownership, ctx: Ctx): Promise<void> {
  const at = new Date().toISOString();
  const lost = { node: o.node ?? 'unknown', epoch: o.epoch, at };
  await env.store.commit([
    { put: volumeKey(env.service, nv.volume), value: { ...nv, lost } satisfies NodeVolume },
    { put: lostKey(env.service, nv.volume), value: { at: Date.now(), node: lost.node } },
    { del: intentKey(env.service, nv.volume) },
  ]);
  env.logger.error(
    { service: env.service, volume: nv.volume, node: lost.node, epoch: lost.epoch },
    'the volume was taken over by another node: its writes end here',
  );
  env.events.emit('volume.lost', {
    service: env.service,
    volume: nv.volume,
    requestId: ctx.requestId,
    at,
    node: lost.node,
    epoch: lost.epoch,
  });
}

async function asked(env: Env, nv: NodeVolume, node: string, ctx: Ctx): Promise<void> {
  env.events.emit('volume.release-asked', {
    service: env.service,
    volume: nv.volume,
    requestId: ctx.requestId,
    at: new Date().toISOString(),
    node,
  });
}
