import type { Ctx } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import type { NodeVolume } from '../../store.ts';
import { here, must } from '../facts.ts';
import type { Scope } from '../verb.ts';
import type { Work } from '../work.ts';

/** The common start of a verb on an existing volume. @throws `not_found` */
export async function workOn(
  scope: Scope,
  op: string,
  name: string,
  ctx: Ctx,
  o: { readonly?: boolean; preempt?: boolean | 'unsafe'; implicit?: boolean } = {},
): Promise<Work> {
  return makeWork(scope, op, name, await must(scope.env, name, ctx), await here(scope.env, name), o);
}

export function makeWork(
  scope: Scope,
  op: string,
  name: string,
  volume: DriverVolume,
  nv: NodeVolume | undefined,
  o: { readonly?: boolean; preempt?: boolean | 'unsafe'; implicit?: boolean } = {},
): Work {
  const { env } = scope;
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
    wasAttached:
      nv?.volumeId === volume.id &&
      (nv.attached === true || nv.mount !== undefined) &&
      volume.attachments.some((a) => a.node === env.node),
    notes: [],
  };
}
