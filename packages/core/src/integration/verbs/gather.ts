import type { Ctx } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import type { NodeVolume } from '../../store.ts';
import { type Env, intentKey } from '../env.ts';
import { earlierError, here, must, withoutPastWish } from '../facts.ts';
import type { Scope } from '../verb.ts';
import type { Work } from '../work.ts';

/** Verbs that add to what this node noted of a volume. */
const NOTED = new Set(['attach', 'mount', 'format']);

/** The common start of a verb on an existing volume. @throws `not_found`; `in_use` where the verb would add to notes of an earlier one of its name */
export async function workOn(
  scope: Scope,
  op: string,
  name: string,
  ctx: Ctx,
  o: { readonly?: boolean; preempt?: boolean | 'unsafe'; implicit?: boolean } = {},
): Promise<Work> {
  const volume = await must(scope.env, name, ctx);
  const nv = await here(scope.env, name);
  const earlier = NOTED.has(op) ? earlierError(scope.env, volume, nv) : undefined;
  if (earlier !== undefined) throw earlier;
  return makeWork(scope, op, name, volume, nv, o);
}

/**
 * A claim that neither a note nor an intent of this service explains is another service's over the same place, or of a
 * state that was lost: somebody may be using the volume, so that an undo does not give it up (S9).
 */
async function hadClaim(env: Env, name: string, volume: DriverVolume, nv: NodeVolume | undefined): Promise<boolean> {
  const ours = volume.attachments.find((a) => a.node === env.node);
  if (ours === undefined || (ours.bootId !== undefined && ours.bootId !== env.self.bootId)) return false;
  if (nv?.volumeId === volume.id && (nv.attached === true || nv.mount !== undefined)) return true;
  return (await env.store.get(intentKey(env.service, name))) === undefined;
}

export async function makeWork(
  scope: Scope,
  op: string,
  name: string,
  volume: DriverVolume,
  noted: NodeVolume | undefined,
  o: { readonly?: boolean; preempt?: boolean | 'unsafe'; implicit?: boolean } = {},
): Promise<Work> {
  const { env } = scope;
  const nv = withoutPastWish(env, volume, noted);
  const wasAttached = await hadClaim(env, name, volume, nv);
  return {
    env,
    op,
    name,
    // A plan has no session: it fails only where a step would really use one.
    get session() {
      return scope.session(name);
    },
    volume,
    nv,
    readonly: o.readonly === true || volume.record.readOnly === true,
    preempt: o.preempt ?? false,
    implicit: o.implicit ?? false,
    wasAttached,
    notes: [],
  };
}
