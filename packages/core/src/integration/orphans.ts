import { basename } from 'node:path/posix';
import type { Ctx } from '../context.ts';
import type { Attachment, DriverVolume } from '../driver.ts';
import { VolumeError } from '../errors.ts';
import type { Intent, NodeVolume } from '../store.ts';
import { type Env, intentKey, lockKey, targetOf, volumeKey } from './env.ts';
import { all, find, usedByAnotherService } from './facts.ts';
import { RECOVERED } from './recover.ts';

/** Something that is there and that nobody answers for. */
export interface Orphan {
  /**
   * `attachment` the storage says it is attached here, and no note does · `device` an image is bound to a loop device, and
   * nobody has it · `holder` a mount that was found without a note · `mount` a mount at our places that is no volume ·
   * `image` the storage has it and nobody made it ours
   */
  readonly kind: 'attachment' | 'device' | 'holder' | 'mount' | 'image';
  readonly service: string;
  /** Name of the volume; of a `mount` its mountpoint. */
  readonly volume: string;
  readonly id?: string;
  readonly found: string;
  /** What {@link giveBack} would do; absent: it is a person's to decide, and `hint` says how. */
  readonly fix?: string;
  readonly hint?: string;
}

/**
 * What a crash of several things at once may leave beyond what reconcile gives back by itself. Changes nothing, takes no lock:
 * what it says is looked at again, under the volume's lock, before anything is given back.
 * @param bound backing files of the loop devices of this machine
 */
export async function orphans(env: Env, bound: readonly string[], ctx: Ctx): Promise<readonly Orphan[]> {
  const out: Orphan[] = [];
  const names = new Set<string>();
  const images = new Set(bound);
  for await (const v of all(env, ctx)) {
    if (v.foreign === true) out.push(foreign(env, v));
    else {
      names.add(v.name);
      const found = await ofVolume(env, v, images);
      if (found !== undefined) out.push(found);
    }
  }
  for (const row of await env.host.mounts(env.policy.mountRoot, ctx)) {
    const name = basename(row.target).replace(/@[^@]*$/, '');
    // Another service's mounts stand in the same directory under names of their own.
    if (row.target !== targetOf(env, name) || names.has(name) || (await noted(env, name))) continue;
    out.push({
      kind: 'mount',
      service: env.service,
      volume: row.target,
      found: `${row.source} (${row.fsType}) is mounted there, and no volume has that name`,
      hint: `See who uses it (fuser -vm ${row.target}); if nobody does: umount ${row.target}`,
    });
  }
  return out;
}

const foreign = (env: Env, v: DriverVolume): Orphan => ({
  kind: 'image',
  service: env.service,
  volume: v.name,
  id: v.id,
  found: 'the storage has it without a record of ours',
  hint: `Never touched. To use it: rexray volume adopt ${v.id} ${v.name}`,
});

async function noted(env: Env, name: string): Promise<boolean> {
  const nv = await env.store.get<NodeVolume>(volumeKey(env.service, name));
  return nv !== undefined || (await env.store.get<Intent>(intentKey(env.service, name))) !== undefined;
}

async function ofVolume(env: Env, v: DriverVolume, bound: ReadonlySet<string>): Promise<Orphan | undefined> {
  const about = { service: env.service, volume: v.name, id: v.id };
  const nv = await env.store.get<NodeVolume>(volumeKey(env.service, v.name));
  if (nv?.holders[RECOVERED] !== undefined)
    return {
      ...about,
      kind: 'holder',
      found: `it is mounted at ${nv.mount?.target ?? '?'}, and whoever mounted it is not known any more`,
      hint: `If nobody uses it: rexray holder release ${v.name} ${RECOVERED} -s ${env.service}`,
    };
  if (await noted(env, v.name)) return undefined;
  if (await usedByAnotherService(env, v.id)) return undefined;
  if (v.attachments.some((a) => a.node === env.node))
    return {
      ...about,
      kind: 'attachment',
      found: 'the storage says that it is attached to this node, and nothing here uses it',
      fix: 'detach it',
    };
  const image = imageOf(v);
  if (image === undefined || !bound.has(image) || v.attachments.length > 0) return undefined;
  return { ...about, kind: 'device', found: `${image} is bound to a loop device, and nobody has it`, fix: 'unbind it' };
}

const imageOf = (v: DriverVolume): string | undefined =>
  typeof v.status?.path === 'string' ? v.status.path : undefined;

/**
 * Gives back an orphan that has a `fix`. Under the volume's lock everything is looked at again; whoever uses the device by
 * now is in the way (S6). @throws `in_use`, `busy`, `invalid` (it has no fix, or is none any more)
 */
export async function giveBack(env: Env, o: Orphan, ctx: Ctx): Promise<void> {
  const session = await env.host.open(lockKey(env, o.volume), ctx);
  try {
    const v = await find(env, o.volume, ctx);
    const now = v === undefined ? undefined : await ofVolume(env, v, new Set([imageOf(v) ?? '']));
    if (v === undefined || now?.fix === undefined || v.id !== o.id || now.kind !== o.kind)
      throw new VolumeError('invalid', `"${o.volume}" is no orphan any more: nothing was done.`, {
        details: { path: o.volume, expected: o.found },
        hint: 'Look again with "rexray doctor".',
      });
    if (now.kind === 'attachment') {
      const had = await env.driver.attach(
        v.id,
        env.node,
        { force: false, readonly: false, bootId: env.self.bootId },
        ctx,
      );
      await session.disconnect(had, ctx);
      await env.driver.detach(v.id, env.node, { force: false }, ctx);
      return;
    }
    const file: Attachment = { kind: 'file', path: imageOf(v) ?? '' };
    const device = await session.find(file, ctx);
    if (device === undefined) return;
    await session.assertUnused(device, ctx);
    await session.disconnect(file, ctx);
  } finally {
    await session.release();
  }
}
