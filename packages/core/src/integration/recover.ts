import { basename, join } from 'node:path/posix';
import type { Ctx } from '../context.ts';
import { isVolumeError } from '../errors.ts';
import type { MountEntry } from '../host.ts';
import type { Intent, NodeVolume } from '../store.ts';
import { type Env, intentKey, lockKey, targetOf, volumeKey } from './env.ts';
import { find } from './facts.ts';
import type { Reconciled } from './reconcile.ts';

/** The holder of a mount whose holders nobody knows any more: dropped by a person only (S18). */
export const RECOVERED = 'recovered';

/**
 * Mounts at our places that no note explains: the state of the node was lost or set aside while volumes were mounted. They
 * are written down again with a holder that nobody drops by mistake, never taken off: somebody may be using them.
 */
export async function recoverMounts(env: Env, ctx: Ctx): Promise<readonly Reconciled[]> {
  const did: Reconciled[] = [];
  for (const row of await env.host.mounts(env.policy.mountRoot, ctx)) {
    const name = basename(row.target).replace(/@[^@]*$/, '');
    if (row.target !== targetOf(env, name) || (await known(env, name))) continue;
    if (await recover(env, name, row, ctx))
      did.push({ volume: name, did: `found it mounted without a note; kept for the holder "${RECOVERED}"` });
  }
  return did;
}

async function known(env: Env, name: string): Promise<boolean> {
  const nv = await env.store.get<NodeVolume>(volumeKey(env.service, name));
  return nv !== undefined || (await env.store.get<Intent>(intentKey(env.service, name))) !== undefined;
}

async function recover(env: Env, name: string, row: MountEntry, ctx: Ctx): Promise<boolean> {
  try {
    const session = await env.host.open(lockKey(env, name), {
      ...ctx,
      deadline: Math.min(ctx.deadline, performance.now() + 2000),
    });
    try {
      const v = await find(env, name, ctx);
      const mine = v?.attachments.find((a) => a.node === env.node);
      if (v === undefined || (mine === undefined && !env.driver.traits.multiWriter) || (await known(env, name)))
        return false;
      const attachment = await env.driver.attach(
        v.id,
        env.node,
        { force: false, readonly: row.readonly, bootId: env.self.bootId },
        ctx,
      );
      const nv: NodeVolume = {
        service: env.service,
        volume: name,
        volumeId: v.id,
        bootId: env.self.bootId,
        epoch: mine?.epoch ?? 0,
        attachment,
        mount: {
          target: row.target,
          path: join(row.target, env.policy.subdir),
          device: row.source,
          devno: row.devno,
          mountId: row.mountId,
          readonly: row.readonly,
          fsType: row.fsType,
        },
        holders: { [RECOVERED]: { count: 1, since: new Date().toISOString() } },
      };
      return await env.store.commit([{ put: volumeKey(env.service, name), value: nv }], {
        expect: { [volumeKey(env.service, name)]: undefined },
      });
    } finally {
      await session.release();
    }
  } catch (e) {
    if (!isVolumeError(e)) throw e;
    env.logger.warn(
      { service: env.service, volume: name, err: e.message },
      'a mount without a note could not be written down again; it stays as it is',
    );
    return false;
  }
}
