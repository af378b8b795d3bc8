import { bytes } from '../../bytes.ts';
import type { CallOptions } from '../../context.ts';
import { assertName } from '../../names.ts';
import { emptyRecord } from '../../record.ts';
import { attach, detach, disconnect } from '../attach-steps.ts';
import { claimedError, find, findForeign, foreignError, heldError, here } from '../facts.ts';
import { forget, unmount } from '../mount-steps.ts';
import { assertUnusedIfConnected } from '../quiesce.ts';
import { about, type Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { intent, isBlock, type Work } from '../work.ts';
import { disabled } from './create.ts';
import { makeWork } from './gather.ts';

type RemoveOptions = { readonly force?: boolean | undefined } & CallOptions;
interface RemoveWork extends Work {
  readonly absent: boolean;
}

const claim = {
  ...attach,
  name: 'claim',
  does: () => 'claim it, so that no other node takes it meanwhile',
} as Step<RemoveWork>;
const unused: Step<RemoveWork> = {
  name: 'assert-unused',
  does: () => 'prove that nothing on this host has it',
  run: assertUnusedIfConnected,
};
const removeStep: Step<RemoveWork> = {
  name: 'remove',
  does: (c) => `delete volume ${c.volume.id} and its data`,
  run: (c, ctx) => c.env.driver.remove(c.volume.id, ctx),
};

/** Absent = ok. `force` is accepted for REX-Ray's sake and never overrides a holder or another node's claim. */
export const remove: Verb<readonly [string, RemoveOptions | undefined], RemoveWork, void> = {
  op: 'remove',
  locks: ([name]) => [name],
  async gather(scope, [name], ctx) {
    const { env } = scope;
    assertName(name);
    const v = await find(env, name, ctx);
    // "Absent" would be said of something that stays.
    const foreign = v === undefined ? await findForeign(env, name, ctx) : undefined;
    if (foreign !== undefined) throw foreignError(env, foreign, 'denied');
    const nothing = {
      id: '',
      name,
      sizeBytes: bytes(0),
      attachments: [],
      record: { ...emptyRecord({ state: 'none' as const }), revision: '' },
      params: {},
    };
    return Object.assign(await makeWork(scope, 'remove', name, v ?? nothing, await here(env, name)), {
      absent: v === undefined,
    });
  },
  forbid(c) {
    if (c.absent) return undefined;
    if (c.env.policy.removeDisable) return disabled(c.env, 'remove', c.name);
    if (c.nv !== undefined && Object.keys(c.nv.holders).length > 0) return heldError(c.env, c.name, c.nv);
    return claimedError(c.env, c.volume);
  },
  steps(c) {
    if (c.absent) return [];
    const leftover = c.nv?.mount !== undefined ? [unmount, disconnect] : [];
    const attached = c.volume.attachments.some((a) => a.node === c.env.node);
    // A platform that detaches by itself takes the disk away before it deletes; elsewhere our own claim keeps others off.
    const proves = isBlock(c) ? c.env.driver.traits.fencing !== 'detach' : attached;
    const claims = proves ? [claim, unused, detach] : attached ? [disconnect, detach] : [];
    return [intent, ...leftover, ...claims, removeStep, forget];
  },
  result(c, ctx) {
    if (!c.absent) c.env.events.emit('volume.removed', about(c, ctx));
  },
};
