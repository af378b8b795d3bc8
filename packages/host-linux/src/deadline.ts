import { type Ctx, isVolumeError, remaining, VolumeError } from '@rexray/core';

/** An abort that is a deadline: what `AbortSignal.timeout` gives as its reason, or a verb that ran into its own. */
export const isTimeout = (reason: unknown): boolean =>
  (reason as { name?: unknown } | null)?.name === 'TimeoutError' || isVolumeError(reason, 'timeout');

/**
 * The deadline has passed, by the clock or by the caller's signal: both are set for one moment, and either may be seen
 * first. Otherwise an aborted signal means that the caller went away.
 */
export const isLate = (ctx: Pick<Ctx, 'deadline' | 'signal'>): boolean =>
  remaining(ctx) === 0 || (ctx.signal.aborted && isTimeout(ctx.signal.reason));

/** The error of a verb that is not begun any more. */
export const tooLate = (op: string, ctx: Ctx): VolumeError =>
  isLate(ctx)
    ? new VolumeError('timeout', `The deadline had passed before ${op}; nothing was done.`, { details: { step: op } })
    : new VolumeError('canceled', `The caller went away before ${op}; nothing was done.`, {
        details: { step: op, rolledBack: true },
      });
