import type { Plan, PlannedOp } from '../api.ts';
import type { Ctx } from '../context.ts';
import { isVolumeError, type VolumeError } from '../errors.ts';
import type { Env } from './env.ts';
import type { Steppable } from './steps.ts';
import type { Verb } from './verb.ts';

/** The same gathering, the same prohibitions and the same steps as a run, without lock and without doing them. */
export async function planOf(
  env: Env,
  verb: Verb<readonly unknown[], Steppable & { notes?: readonly string[] }, unknown>,
  op: PlannedOp,
  name: string,
  args: readonly unknown[],
  ctx: Ctx,
): Promise<Plan> {
  const session = (): never => {
    throw new Error('a plan touches nothing');
  };
  const base = { op, volume: name, service: env.service };
  try {
    const c = await verb.gather({ env, session }, args, ctx);
    const no = verb.forbid?.(c);
    const steps = verb.steps(c).filter((s) => s.when?.(c) !== false || s.maybe?.(c) === true);
    return {
      ...base,
      steps: steps.map((s) => ({ step: s.name, does: s.does(c), ...(s.maybe?.(c) === true && { maybe: true }) })),
      forbidden: no === undefined ? [] : [row(no as VolumeError)],
      noop: no === undefined && steps.length === 0,
      notes: c.notes ?? [],
    };
  } catch (e) {
    if (!isVolumeError(e) || isVolumeError(e, 'timeout', 'canceled', 'unavailable', 'internal')) throw e;
    return { ...base, steps: [], forbidden: [row(e)], noop: false, notes: [] };
  }
}

const row = (e: Pick<VolumeError, 'code' | 'message' | 'hint'>): Plan['forbidden'][number] => ({
  code: e.code,
  message: e.message,
  ...(e.hint !== undefined && { hint: e.hint }),
});
