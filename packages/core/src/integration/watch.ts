import type { Ctx } from '../context.ts';
import type { Ownership } from '../driver.ts';
import { isVolumeError } from '../errors.ts';
import type { NodeVolume } from '../store.ts';
import { beginCall, freshCtx } from './calls.ts';
import { type Env, intentKey, lockKey, lostKey, volumeKey } from './env.ts';
import { retryLeftovers } from './reconcile.ts';

/** How often an owner looks whether it still is one, in ms (S11: at most 2 s). */
export const WATCH_MS = 1_500;

/** How often a process looks whether it left something unfinished, in ms. */
const LEFTOVERS_EVERY_MS = 15_000;
const lastLook = new WeakMap<Env, number>();

async function finishLeftovers(env: Env): Promise<void> {
  const last = lastLook.get(env) ?? performance.now();
  if (!lastLook.has(env)) lastLook.set(env, last);
  if (performance.now() - last < LEFTOVERS_EVERY_MS) return;
  lastLook.set(env, performance.now());
  for (const r of await retryLeftovers(env, freshCtx({ requestId: 'watch' }))) {
    env.logger.warn({ service: env.service, volume: r.volume }, `finished later: ${r.did}`);
  }
}

/**
 * One look at every volume that this node has mounted: a lost claim ends our writes at once (S11), a wish for release is
 * granted when nobody here needs the volume (S10). @returns how many volumes are mounted
 */
export async function watchOnce(env: Env): Promise<number> {
  await finishLeftovers(env);
  const owner = env.driver.owner;
  const rows = (await env.store.list<NodeVolume>(volumeKey(env.service, '')))
    .map(([, nv]) => nv)
    .filter((nv) => nv.bootId === env.self.bootId && nv.mount !== undefined);
  if (owner === undefined) return rows.length;
  await Promise.all(
    rows
      .filter((nv) => nv.lost === undefined)
      .map(async (nv) => {
        const { ctx, end } = beginCall({ timeoutMs: 30_000 }, { timeoutMs: 30_000, progress: () => {} });
        try {
          const o = await owner.call(env.driver, nv.volumeId, env.node, ctx);
          if (!o.mine) await lose(env, nv, o, ctx);
          else if (o.releaseAsked !== undefined) await asked(env, nv, o.releaseAsked, ctx);
        } catch (e) {
          // Not knowing is not losing: an unreachable storage is looked at again.
          env.logger.warn(
            { service: env.service, volume: nv.volume, err: isVolumeError(e) ? e.message : String(e) },
            'could not tell whether the volume is still ours',
          );
        } finally {
          end();
        }
      }),
  );
  return rows.length;
}

/** Writes stop first (shutdown ioctl), then everything is taken off; the holders stay marked as lost until they unmount. */
async function lose(env: Env, nv: NodeVolume, o: Ownership, ctx: Ctx): Promise<void> {
  const session = await env.host.open(lockKey(env, nv.volume), ctx);
  try {
    const now = await env.store.get<NodeVolume>(volumeKey(env.service, nv.volume));
    if (now?.mount === undefined || now.volumeId !== nv.volumeId || now.lost !== undefined) return;
    const at = new Date().toISOString();
    const lost = { node: o.node ?? 'unknown', epoch: o.epoch, at };
    const marked: NodeVolume = { ...now, lost };
    await env.store.commit([
      { put: volumeKey(env.service, nv.volume), value: marked },
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
    await session.unmount(now.mount.target, { kill: true, expectDevno: now.mount.devno }, ctx);
    if (now.attachment !== undefined) await session.disconnect(now.attachment, ctx);
  } finally {
    await session.release();
  }
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
