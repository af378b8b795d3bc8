import type { CallOptions, Ctx, Progress } from '../context.ts';
import { VolumeError } from '../errors.ts';

let counter = 0;
const PREFIX = Math.floor(performance.timeOrigin).toString(36);

/** The context of one verb, from its options. `end` must be called: it stops the deadline's timer. */
export function beginCall(
  o: CallOptions | undefined,
  fallback: { timeoutMs: number; progress: (p: Progress) => void },
): { ctx: Ctx; end: () => void } {
  const ms = o?.timeoutMs ?? fallback.timeoutMs;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(timeoutError(ms)), ms);
  timer.unref();
  const cancel = (): void => controller.abort(canceledError());
  if (o?.signal?.aborted) cancel();
  else o?.signal?.addEventListener('abort', cancel, { once: true });
  counter += 1;
  const ctx: Ctx = {
    signal: controller.signal,
    deadline: performance.now() + ms,
    requestId: o?.requestId ?? `${PREFIX}-${counter}`,
    progress: (p) => {
      fallback.progress(p);
      o?.onProgress?.(p);
    },
  };
  return {
    ctx,
    end: () => {
      clearTimeout(timer);
      o?.signal?.removeEventListener('abort', cancel);
    },
  };
}

/** Aborts after `ms` without keeping the process alive; `AbortSignal.timeout` with a listener does that on Deno. */
function expiring(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(timeoutError(ms)), ms).unref();
  return controller.signal;
}

/** A context for what no caller waits for: opening, undo, clean-up. */
export function freshCtx(like: Pick<Ctx, 'requestId'>, ms = 30_000): Ctx {
  return { signal: expiring(ms), deadline: performance.now() + ms, requestId: like.requestId, progress: () => {} };
}

const timeoutError = (ms: number): VolumeError<'timeout'> =>
  new VolumeError('timeout', `The deadline of ${ms} ms passed.`, {
    details: { afterMs: ms },
    hint: 'What was begun is being undone; look at the volume before you try again.',
  });
const canceledError = (): VolumeError<'canceled'> =>
  new VolumeError('canceled', 'The caller went away.', { details: {} });

/** @throws the reason (`timeout` or `canceled`) once the call is over. */
export function throwIfOver(ctx: Ctx): void {
  if (ctx.signal.aborted) throw ctx.signal.reason;
}

export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(done, ms);
    function done(): void {
      signal?.removeEventListener('abort', stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', stop, { once: true });
  });
