import type { Ctx } from '../context.ts';
import { isVolumeError } from '../errors.ts';
import type { HostSession } from '../host.ts';
import type { Intent, NodeVolume } from '../store.ts';
import { type Env, intentKey, lockKey, targetOf, volumeKey } from './env.ts';
import { all, find, lostTo, usedByAnotherService, withoutPastWish } from './facts.ts';
import { recoverMounts } from './recover.ts';

/** What a reconcile did, for people and tests. */
export interface Reconciled {
  readonly volume: string;
  readonly did: string;
}

/**
 * Brings this node to what its notes promise (S12): finishes or takes back what a dead process began. Takes each volume's
 * lock; skips what another live process holds; undoes only what its intent made. Never throws for one volume's sake.
 */
export async function reconcile(env: Env, ctx: Ctx): Promise<readonly Reconciled[]> {
  const did: Reconciled[] = [];
  for (const line of (await env.driver.sweep?.(env.node, env.self.bootId, ctx)) ?? [])
    did.push({ volume: '', did: `removed half-made ${line}` });
  did.push(...(await each(env, await suspects(env, ctx), ctx)));
  did.push(...(await recoverMounts(env, ctx)));
  await env.store.commit([{ put: bootKey(env), value: env.self.bootId }], { durable: false });
  return did;
}

async function each(env: Env, names: Iterable<string>, ctx: Ctx): Promise<readonly Reconciled[]> {
  const did: Reconciled[] = [];
  for (const name of names) {
    try {
      const what = await reconcileVolume(env, name, ctx);
      if (what !== undefined) did.push({ volume: name, did: what });
    } catch (e) {
      env.logger.warn(
        { service: env.service, volume: name, err: isVolumeError(e) ? e.message : String(e) },
        'could not be reconciled; it is tried again later',
      );
    }
  }
  return did;
}

/**
 * What this living process could not finish (an undo that failed, an unmount that was busy) and nobody works on now. Unlike
 * {@link reconcile} it may be called again and again; the lock tells a verb under way from one that was given up.
 */
export async function retryLeftovers(env: Env, ctx: Ctx): Promise<readonly Reconciled[]> {
  const names = new Set<string>();
  for (const [, i] of await env.store.list<Intent>(intentKey(env.service, ''))) {
    if (Date.now() - Date.parse(i.at) > LEFTOVER_MS) names.add(i.volume);
  }
  for (const [, nv] of await nodeVolumes(env)) if (idle(nv)) names.add(nv.volume);
  return each(env, names, ctx);
}

/** An intent older than this whose volume nobody has locked was given up, in ms. */
const LEFTOVER_MS = 10_000;

const held = (nv: NodeVolume): boolean => Object.keys(nv.holders).length > 0;
const idle = (nv: NodeVolume): boolean => !held(nv) && nv.attached !== true;
const nodeVolumes = (env: Env): Promise<readonly (readonly [string, NodeVolume])[]> =>
  env.store.list<NodeVolume>(volumeKey(env.service, ''));

/** Volumes with an intent of a dead process, with notes of an earlier boot, or mounted for nobody. */
async function suspects(env: Env, ctx: Ctx): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const [, i] of await env.store.list<Intent>(intentKey(env.service, '')))
    if (!(await lives(env, i, ctx))) names.add(i.volume);
  for (const [, nv] of await nodeVolumes(env)) if (nv.bootId !== env.self.bootId || idle(nv)) names.add(nv.volume);
  if ((await env.store.get<string>(bootKey(env))) !== env.self.bootId) {
    for (const name of await claimsOfEarlierBoots(env, ctx)) names.add(name);
  }
  return [...names];
}

const bootKey = (env: Env): string => `boot/${env.service}`;

/** Once a boot: claims that this node made before it and has no note of (its state was lost with the power). */
async function claimsOfEarlierBoots(env: Env, ctx: Ctx): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const v of all(env, ctx)) {
    const ours = v.attachments.find((a) => a.node === env.node);
    if (ours?.bootId !== undefined && ours.bootId !== env.self.bootId) names.push(v.name);
  }
  return names;
}

async function lives(env: Env, i: Intent, ctx: Ctx): Promise<boolean> {
  if (i.owner.bootId !== env.self.bootId) return false;
  const now = await env.host.identify(i.owner.pid, ctx);
  return now !== undefined && now.starttime === i.owner.starttime;
}

/**
 * Before a verb: finishes or takes back what another one left on its volume. Pre-state: its lock is held, so that an intent
 * that is there was given up; a verb that went on over it would take that for its own, and forget what it stood for.
 */
export async function finishLeft(env: Env, name: string, session: HostSession, ctx: Ctx): Promise<void> {
  const intent = await env.store.get<Intent>(intentKey(env.service, name));
  if (intent === undefined) return;
  const nv = await env.store.get<NodeVolume>(volumeKey(env.service, name));
  // An unmount that was busy: its note says what is mounted, and the verb may want just that.
  if (nv?.mount !== undefined && nv.bootId === env.self.bootId && !held(nv)) return;
  const did = await converge(env, name, session, { intent, nv }, ctx);
  if (did !== undefined) env.logger.warn({ service: env.service, volume: name }, `before this verb: ${did}`);
}

async function reconcileVolume(env: Env, name: string, ctx: Ctx): Promise<string | undefined> {
  const short: Ctx = { ...ctx, deadline: Math.min(ctx.deadline, performance.now() + 2000) };
  let session: HostSession;
  try {
    session = await env.host.open(lockKey(env, name), short);
  } catch (e) {
    if (isVolumeError(e, 'busy', 'timeout')) return undefined;
    throw e;
  }
  try {
    // Whoever works on the volume has its lock; we have it, so that an intent that is there now was given up, whether
    // its process lives or not.
    const intent = await env.store.get<Intent>(intentKey(env.service, name));
    const nv = await env.store.get<NodeVolume>(volumeKey(env.service, name));
    return await converge(env, name, session, { intent, nv }, ctx);
  } finally {
    await session.release();
  }
}

async function converge(
  env: Env,
  name: string,
  session: HostSession,
  state: { intent: Intent | undefined; nv: NodeVolume | undefined },
  ctx: Ctx,
): Promise<string | undefined> {
  const { intent } = state;
  const nv = await present(env, name, state.nv, ctx);
  const sameBoot = nv === undefined || nv.bootId === env.self.bootId;
  const target = nv?.mount?.target ?? targetOf(env, name);
  // A freeze that outlived its helper process blocks everything else (S16).
  if (intent?.op === 'snapshots.create' || intent?.op === 'clone')
    await session.thaw(target, ctx).catch(() => undefined);
  if (intent === undefined && nv === undefined && !(await claimedEarlier(env, name, ctx))) return undefined;
  const needed = sameBoot && nv !== undefined && !idle(nv);
  if (needed) {
    if (intent === undefined) return undefined;
    // Nobody holds it: what is attached only has neither a mount nor a device here.
    if (!held(nv) || (intent.op === 'mount' && nv.mount === undefined))
      await takeOff(env, name, session, target, nv, ctx, { keepClaim: true });
    const { mount: _, ...unmounted } = nv;
    await env.store.commit([
      ...(held(nv) ? [] : [{ put: volumeKey(env.service, name), value: unmounted }]),
      { del: intentKey(env.service, name) },
    ]);
    return `ended an interrupted ${intent.op}; ${Object.keys(nv.holders).join(', ') || 'the attachment'} keeps it`;
  }
  await takeOff(env, name, session, target, sameBoot ? nv : undefined, ctx, { keepClaim: false });
  await env.store.commit([{ del: volumeKey(env.service, name) }, { del: intentKey(env.service, name) }]);
  return intent === undefined
    ? sameBoot
      ? 'took off a mount that nobody needs'
      : 'cleared the notes of an earlier boot'
    : `took back an interrupted ${intent.op}`;
}

async function present(env: Env, name: string, nv: NodeVolume | undefined, ctx: Ctx): Promise<NodeVolume | undefined> {
  const v = nv?.attached === true ? await find(env, name, ctx) : undefined;
  return v === undefined ? nv : withoutPastWish(env, v, nv);
}

async function claimedEarlier(env: Env, name: string, ctx: Ctx): Promise<boolean> {
  const ours = (await find(env, name, ctx))?.attachments.find((a) => a.node === env.node);
  return ours?.bootId !== undefined && ours.bootId !== env.self.bootId;
}

/** Unmounted, disconnected, and our claim given up; every part may already be so. */
async function takeOff(
  env: Env,
  name: string,
  session: HostSession,
  target: string,
  nv: NodeVolume | undefined,
  ctx: Ctx,
  o: { keepClaim: boolean },
): Promise<void> {
  const v = await find(env, name, ctx);
  const kill = nv?.lost !== undefined || (v !== undefined && lostTo(env, v, nv) !== undefined);
  await session.unmount(
    target,
    { ...(kill && { kill }), ...(nv?.mount !== undefined && { expectDevno: nv.mount.devno }) },
    ctx,
  );
  const mine = v?.attachments.some((a) => a.node === env.node) === true;
  const attachment =
    nv?.attachment ??
    (v !== undefined && mine
      ? await env.driver.attach(v.id, env.node, { force: false, readonly: false, bootId: env.self.bootId }, ctx)
      : undefined);
  if (attachment !== undefined) await session.disconnect(attachment, ctx);
  if (v !== undefined && mine && !o.keepClaim && nv?.attached !== true && !(await usedByAnotherService(env, v.id)))
    await env.driver.detach(v.id, env.node, { force: false }, ctx);
}
