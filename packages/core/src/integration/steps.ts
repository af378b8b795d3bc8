import type { Ctx } from '../context.ts';
import { isVolumeError, VolumeError } from '../errors.ts';
import { freshCtx, throwIfOver } from './calls.ts';
import { type Env, isCrash } from './env.ts';

/**
 * One step of a verb. The list of a verb's steps is both what runs and what `plan` shows: there is no second description
 * that could drift. `when` decides from facts; a step whose need is known only when it is reached is `maybe`.
 */
export interface Step<C> {
  readonly name: string;
  does(c: C): string;
  when?(c: C): boolean;
  maybe?(c: C): boolean;
  run(c: C, ctx: Ctx): Promise<void>;
  /** Takes back this step, also when it only half happened. Absent: there is nothing to take back, or it must stay. */
  undo?(c: C, ctx: Ctx): Promise<void>;
  /**
   * It promises others that somebody looks after the volume (an intent, a claim): its undo is left out when a later step
   * could not be taken back.
   */
  readonly keptUnlessClean?: boolean;
}

export interface Steppable {
  readonly env: Env;
  readonly op: string;
  readonly name: string;
}

/** Runs the steps in order; on failure undoes what was done, last first. A step that cannot be undone leaves its intent for reconcile. */
export async function runSteps<C extends Steppable>(c: C, steps: readonly Step<C>[], ctx: Ctx): Promise<void> {
  const done: Step<C>[] = [];
  for (const step of steps) {
    if (step.when?.(c) === false) continue;
    try {
      throwIfOver(ctx);
      await trace(c, step.name, 'begin', ctx);
      const start = performance.now();
      done.push(step);
      await step.run(c, ctx);
      await trace(c, step.name, 'end', ctx, performance.now() - start);
    } catch (e) {
      if (isCrash(e)) throw e;
      const clean = await undoAll(c, done, ctx);
      throw failed(ctx.signal.aborted ? (ctx.signal.reason ?? e) : e, step.name, clean);
    }
  }
}

async function undoAll<C extends Steppable>(c: C, done: readonly Step<C>[], ctx: Ctx): Promise<boolean> {
  const fresh = freshCtx(ctx);
  let clean = true;
  for (const step of [...done].reverse()) {
    if (step.undo === undefined) continue;
    if (!clean && step.keptUnlessClean === true) continue;
    try {
      await trace(c, step.name, 'undo', ctx);
      await step.undo(c, fresh);
    } catch (e) {
      if (isCrash(e)) throw e;
      clean = false;
      c.env.logger.error(
        { service: c.env.service, volume: c.name, step: step.name, err: String(e) },
        'a step could not be undone; it is left to the next reconcile',
      );
    }
  }
  return clean;
}

function failed(e: unknown, step: string, rolledBack: boolean): unknown {
  if (!isVolumeError(e, 'canceled', 'timeout')) return e;
  if (e.code === 'timeout')
    return new VolumeError('timeout', e.message, {
      details: { ...e.details, step },
      cause: e,
      ...(e.hint !== undefined && { hint: e.hint }),
    });
  return new VolumeError('canceled', e.message, { details: { step, rolledBack }, cause: e });
}

async function trace(
  c: Steppable,
  step: string,
  phase: 'begin' | 'end' | 'undo',
  ctx: Ctx,
  ms?: number,
): Promise<void> {
  const { env, op, name } = c;
  env.events.emit('op.step', {
    service: env.service,
    volume: name,
    requestId: ctx.requestId,
    at: new Date().toISOString(),
    op,
    step,
    phase,
    ...(ms !== undefined && { ms }),
  });
  if (env.stepHook !== undefined) await env.stepHook({ op, volume: name, step, phase });
}

/** The fields that every event of a verb carries. */
export const about = (
  c: { readonly env: Env; readonly name: string },
  ctx: Pick<Ctx, 'requestId'>,
): { service: string; volume: string; requestId: string; at: string } => ({
  service: c.env.service,
  volume: c.name,
  requestId: ctx.requestId,
  at: new Date().toISOString(),
});
