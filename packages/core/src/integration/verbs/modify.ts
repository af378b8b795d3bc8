import type { Volume } from '../../api.ts';
import type { CallOptions } from '../../context.ts';
import type { Hints } from '../../record.ts';
import { parse } from '../../schema.ts';
import { unsupported } from '../facts.ts';
import type { Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { mark, need, type Work } from '../work.ts';
import { workOn } from './gather.ts';

type ModifyOptions = {
  readonly params?: Partial<unknown>;
  readonly hints?: Hints;
  readonly labels?: Readonly<Record<string, string>>;
} & CallOptions;
interface ModifyWork extends Work {
  readonly change: ModifyOptions;
}
export const modify: Verb<readonly [string, ModifyOptions], ModifyWork, Volume> = {
  op: 'modify',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    const base = await workOn(scope, 'modify', name, ctx);
    if (o.params !== undefined) {
      if (scope.env.driver.modify === undefined) throw unsupported(scope.env, 'modify');
      parse(
        scope.env.params,
        { ...(base.volume.params as object), ...(o.params as object) },
        `options of volume "${name}"`,
      );
    }
    return Object.assign(base, { change: o });
  },
  steps: (c) => [
    ...(c.change.params !== undefined ? [modifyStep] : []),
    ...(c.change.hints !== undefined || c.change.labels !== undefined ? [relabel] : []),
  ],
  result: (c) => view(c.env, c.volume, c.nv, c.notes),
};
const modifyStep: Step<ModifyWork> = {
  name: 'modify',
  does: () => 'change the volume’s properties',
  async run(c, ctx) {
    c.volume = await need(c.env.driver.modify, 'modify').call(
      c.env.driver,
      c.volume.id,
      { params: c.change.params as object, ...(c.change.hints !== undefined && { hints: c.change.hints }) },
      ctx,
    );
  },
};
const relabel: Step<ModifyWork> = {
  name: 'mark',
  does: () => 'change the volume’s record',
  async run(c, ctx) {
    const { hints, labels } = c.change;
    await mark(
      c,
      {
        ...(hints !== undefined && { hints: { ...c.volume.record.hints, ...hints } }),
        ...(labels !== undefined && { labels }),
      },
      ctx,
    );
  },
};
