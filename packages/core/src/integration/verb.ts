import type { PlannedOp } from '../api.ts';
import type { Ctx } from '../context.ts';
import type { AnyVolumeError, VolumeError } from '../errors.ts';
import type { HostSession } from '../host.ts';
import type { Env } from './env.ts';
import { runSteps, type Step, type Steppable } from './steps.ts';

/** What a verb is given: the locked sessions of the volumes that it names. In a plan there are none, and asking for one is a bug. */
export interface Scope {
  readonly env: Env;
  session(name: string): HostSession;
}

/**
 * One verb of the integration. `gather` reads, `forbid` says what speaks against it, `steps` what it does: `run` performs
 * them under the lock, `plan` prints them without.
 */
export interface Verb<A extends readonly unknown[], C extends Steppable, R> {
  readonly op: PlannedOp;
  /** Names whose locks it needs, from its arguments. */
  locks(args: A): readonly string[];
  gather(scope: Scope, args: A, ctx: Ctx): Promise<C>;
  forbid?(c: C): VolumeError | AnyVolumeError | undefined;
  steps(c: C): readonly Step<C>[];
  result(c: C, ctx: Ctx): R | Promise<R>;
}

export async function perform<A extends readonly unknown[], C extends Steppable, R>(
  verb: Verb<A, C, R>,
  scope: Scope,
  args: A,
  ctx: Ctx,
): Promise<R> {
  const c = await verb.gather(scope, args, ctx);
  const no = verb.forbid?.(c);
  if (no !== undefined) throw no;
  await runSteps(c, verb.steps(c), ctx);
  return verb.result(c, ctx);
}
