import type { Volume } from '../../api.ts';
import type { CallOptions } from '../../context.ts';
import { attach as attachStep, detach as detachStep, disconnect } from '../attach-steps.ts';
import { claimedError, heldError, lostError } from '../facts.ts';
import { forget, unmount } from '../mount-steps.ts';
import type { Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { baseNodeVolume, intent, settle, type Work } from '../work.ts';
import { workOn } from './gather.ts';

type AttachOptions = {
  readonly preempt?: boolean | 'unsafe' | undefined;
  readonly readOnly?: boolean | undefined;
} & CallOptions;
type DetachOptions = { readonly force?: boolean | undefined } & CallOptions;

const note: Step<Work> = {
  name: 'note-attached',
  does: () => 'note that this node has it attached',
  run: (c) =>
    settle(c, { ...baseNodeVolume(c), ...(c.nv?.mount !== undefined && { mount: c.nv.mount }), attached: true }),
};

export const attach: Verb<readonly [string, AttachOptions | undefined], Work, Volume> = {
  op: 'attach',
  locks: ([name]) => [name],
  gather: (scope, [name, o], ctx) =>
    workOn(scope, 'attach', name, ctx, {
      readonly: o?.readOnly === true,
      preempt: o?.preempt ?? scope.env.policy.preempt,
      implicit: o?.preempt === undefined,
    }),
  forbid: (c) => lostError(c.env, c.volume, c.nv) ?? (c.preempt === false ? claimedError(c.env, c.volume) : undefined),
  steps: (c) => (c.nv?.attached === true && c.wasAttached ? [] : [intent, attachStep, note]),
  result: (c) => view(c.env, c.volume, c.nv, c.notes),
};

export const detach: Verb<readonly [string, DetachOptions | undefined], Work & { force: boolean }, Volume> = {
  op: 'detach',
  locks: ([name]) => [name],
  gather: async (scope, [name, o], ctx) =>
    Object.assign(await workOn(scope, 'detach', name, ctx), { force: o?.force === true }),
  forbid: (c) =>
    c.nv !== undefined && Object.keys(c.nv.holders).length > 0 && !c.force ? heldError(c.env, c.name, c.nv) : undefined,
  steps(c) {
    const mine = c.volume.attachments.some((a) => a.node === c.env.node);
    if (!mine && c.nv === undefined) return [];
    return [intent, ...(c.nv?.mount !== undefined ? [unmount] : []), disconnect, detachStep, forget];
  },
  async result(c, ctx) {
    return view(c.env, await c.env.driver.get(c.volume.id, ctx), undefined, c.notes);
  },
};
