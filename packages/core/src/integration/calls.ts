import type { CallOptions, Ctx, Progress } from '../context.ts';
import { VolumeError } from '../errors.ts';

let counter = 0;
const PREFIX = Math.floor(performance.timeOrigin).toString(36);

/** The longest that a timer of JavaScript can wait, in ms (24 days). */
const LONGEST_MS = 2 ** 31 - 1;

export interface CallDefaults {
  readonly timeoutMs: number;
  progress(p: Progress): void;
  /** Aborted when this process wants to end: the verb is undone. */
  readonly closing?: AbortSignal | undefined;
}

/**
 * The context of one verb, from its options. `end` must be called: it stops the deadline's timer.
 * @throws `invalid` for a `timeoutMs` that is no time
 */
export function beginCall(o: CallOptions | undefined, fallback: CallDefaults): { ctx: Ctx; end: () => void } {
  const ms = timeoutOf(o?.timeoutMs ?? fallback.timeoutMs);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(timeoutError(ms)), ms);
  timer.unref();
  const unlisten = [
    forward(o?.signal, () => controller.abort(canceledError('The caller went away.'))),
    forward(fallback.closing, () => controller.abort(canceledError('This process is closing.'))),
  ];
  counter += 1;
  const ctx: Ctx = {
    signal: controller.signal,
    deadline: performance.now() + ms,
    requestId: o?.requestId ?? `${PREFIX}-${counter}`,
    progress: (p) => {
      fallback.progress(p);
      // A listener's bug is the listener's: the verb goes on.
      try {
        o?.onProgress?.(p);
      } catch {}
    },
  };
  return {
    ctx,
    end: () => {
      clearTimeout(timer);
      for (const f of unlisten) f();
    },
  };
}

function timeoutOf(ms: unknown): number {
  if (typeof ms === 'number' && ms >= 0) return Math.min(ms, LONGEST_MS);
  throw new VolumeError('invalid', `timeoutMs: ${String(ms)} is not a time.`, {
    details: { path: 'timeoutMs', value: ms, expected: 'milliseconds, 0 or more' },
  });
}

function forward(signal: AbortSignal | undefined, abort: () => void): () => void {
  if (signal?.aborted === true) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return () => signal?.removeEventListener('abort', abort);
}

/** Waits for something that goes on without us: leaves it alone when the call is over. @throws `timeout`, `canceled` */
export async function whileCalling<T>(ctx: Pick<Ctx, 'signal'>, waited: Promise<T>): Promise<T> {
  let stop = (): void => {};
  const over = new Promise<never>((_, reject) => {
    stop = forward(ctx.signal, () => reject(ctx.signal.reason));
  });
  try {
    return await Promise.race([waited, over]);
  } finally {
    stop();
  }
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
const canceledError = (message: string): VolumeError<'canceled'> =>
  new VolumeError('canceled', message, { details: {} });

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
