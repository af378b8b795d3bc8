/** Policies around a storage driver: every verb of the SPI, from a closed list, so that no layer forgets one and an absent verb stays absent. */
import type { Ctx } from '../context.ts';
import type { StorageDriver } from '../driver.ts';
import { type Code, isVolumeError, VolumeError } from '../errors.ts';
import { sleep, whileCalling } from '../integration/calls.ts';
import { isCrash } from '../integration/env.ts';
import { type Call, compose, type Layer } from '../layered.ts';

const VERBS = [
  'whoami',
  'nodeOf',
  'identity',
  'list',
  'get',
  'find',
  'create',
  'remove',
  'attach',
  'detach',
  'mark',
  'expand',
  'modify',
  'capacity',
  'clone',
  'adopt',
  'owner',
  'requestRelease',
  'sweep',
] as const satisfies readonly (keyof StorageDriver)[];
const SNAPSHOT_VERBS = ['list', 'create', 'remove', 'restore'] as const satisfies readonly (keyof NonNullable<
  StorageDriver['snapshots']
>)[];

export const DRIVER_OPS: readonly string[] = [...VERBS, ...SNAPSHOT_VERBS.map((v) => `snapshots.${v}`)];
/** Verbs whose answer after a lost reply is unknown (S13): they are retried only because the SPI makes each of them idempotent. */
type AnyVerb = (...args: unknown[]) => Promise<unknown>;

/** The same driver behind layers; the first is the outermost. */
export function layeredDriver<P>(driver: StorageDriver<P>, layers: readonly Layer[]): StorageDriver<P> {
  const wrap = (op: string, verb: AnyVerb, self: unknown): AnyVerb => {
    const next = compose(layers, (call) => verb.apply(self, [...call.args, call.ctx]));
    return (...all) => next({ op, args: all.slice(0, -1), ctx: all.at(-1) as Ctx });
  };
  const out: Record<string, unknown> = {};
  // Which optional verbs there are may settle with `whoami`: presence is looked at when it is asked for.
  const show = (name: string, get: () => unknown): void =>
    void Object.defineProperty(out, name, { get, enumerable: true });
  const wrapped = new Map<string, AnyVerb>();
  const verbOf = (op: string, verb: AnyVerb, self: unknown): AnyVerb => {
    const it = wrapped.get(op) ?? wrap(op, verb, self);
    wrapped.set(op, it);
    return it;
  };
  show('traits', () => driver.traits);
  show('paramsSchema', () => driver.paramsSchema);
  for (const v of VERBS) {
    show(v, () => {
      const verb = driver[v] as AnyVerb | undefined;
      return verb === undefined ? undefined : verbOf(v, verb, driver);
    });
  }
  show('snapshots', () => {
    const { snapshots } = driver;
    if (snapshots === undefined) return undefined;
    return Object.fromEntries(
      SNAPSHOT_VERBS.map((v) => [v, verbOf(`snapshots.${v}`, snapshots[v] as AnyVerb, snapshots)]),
    );
  });
  if (driver.close !== undefined) out.close = driver.close.bind(driver);
  return out as unknown as StorageDriver<P>;
}

/** What to do about the commonest slips with paths. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'Give the user of this process access to that path, or configure a place that it may use.',
  ENOTDIR: 'A part of that path is a file: configure a directory.',
};

function hintFor(e: unknown): { readonly hint?: string } {
  const hint = HINTS[String((e as { code?: unknown } | null)?.code)];
  return hint === undefined ? {} : { hint };
}

/** Raw errors become VolumeErrors, once, with the plugin's own classification; the cause is kept. */
export function classified(o: {
  readonly service: string;
  readonly driver: string;
  readonly classify?: (e: unknown) => Code | undefined;
}): Layer {
  return async (call, next) => {
    try {
      return await next(call);
    } catch (e) {
      if (isVolumeError(e) || isCrash(e)) throw e;
      if (call.ctx.signal.aborted) throw call.ctx.signal.reason;
      const code = o.classify?.(e) ?? 'internal';
      const what = call.args[0];
      throw new VolumeError(
        code,
        `${call.op}${typeof what === 'string' ? ` of "${what}"` : ''} failed in service "${o.service}" (driver ${o.driver}): ${e instanceof Error ? e.message : String(e)}.`,
        { details: { rule: o.driver } as never, cause: e, ...hintFor(e) },
      );
    }
  };
}

/** How long a driver may take to end by itself after it was told to, in ms. */
const GRACE_MS = 5_000;

/**
 * An upper bound of one driver call. A call whose caller is gone may still end by itself for a moment: then what it did is
 * known, and is undone. A driver that does not listen loses the verb after that; its outcome is unknown (S13).
 */
export function bounded(o: { readonly service: string; readonly ms: number; readonly graceMs?: number }): Layer {
  return async (call, next) => {
    const { signal } = call.ctx;
    const timers: NodeJS.Timeout[] = [];
    const left = Math.max(0, Math.min(o.ms, call.ctx.deadline - performance.now()));
    const grace = o.graceMs ?? GRACE_MS;
    let ended: () => void = () => {};
    const late = new Promise<never>((_, reject) => {
      timers.push(setTimeout(() => reject(unanswered(o.service, call.op, left)), left + grace));
      ended = () => timers.push(setTimeout(() => reject(signal.reason), grace));
      if (signal.aborted) ended();
      else signal.addEventListener('abort', ended, { once: true });
    });
    try {
      return await Promise.race([next(call), late]);
    } finally {
      for (const t of timers) clearTimeout(t);
      signal.removeEventListener('abort', ended);
    }
  };
}

const unanswered = (service: string, op: string, ms: number): VolumeError<'timeout'> =>
  new VolumeError('timeout', `${op} in service "${service}" did not answer within ${Math.round(ms)} ms.`, {
    details: { afterMs: Math.round(ms), step: op },
    hint: 'Its outcome is unknown: look at the volume before you try again.',
  });

/** Tries again what may pass by itself; every verb of the SPI is idempotent, so that a lost reply does no harm. */
export function retry(o: { readonly attempts: number; readonly firstWaitMs: number }): Layer {
  return async (call, next) => {
    for (let i = 1; ; i++) {
      try {
        return await next(call);
      } catch (e) {
        // `busy` of a mark is a lost race: the caller must read again, the same call would lose again.
        if (i >= o.attempts || !isVolumeError(e, 'unavailable') || call.op === 'mark' || call.op === 'identity')
          throw e;
        const wait = o.firstWaitMs * 2 ** (i - 1);
        if (call.ctx.deadline - performance.now() < wait) throw e;
        await sleep(wait, call.ctx.signal);
      }
    }
  };
}

/**
 * At most so many calls at once; further ones wait in order, and are refused beyond `queue`. Whose caller went away while
 * it waited is not made any more: its verb is being undone.
 */
export function limited(o: { readonly service: string; readonly concurrency: number; readonly queue: number }): Layer {
  let running = 0;
  const waiting = new Set<() => void>();
  const turn = async (call: Call): Promise<void> => {
    if (running < o.concurrency) {
      running += 1;
      return;
    }
    if (waiting.size >= o.queue)
      throw new VolumeError('busy', `${waiting.size} calls to service "${o.service}" are waiting already.`, {
        details: { op: call.op, retryAfterMs: 1000 },
        hint: 'Try again later.',
      });
    let go = (): void => {};
    const mine = new Promise<void>((resolve) => {
      go = resolve;
    });
    waiting.add(go);
    try {
      await whileCalling(call.ctx, mine);
    } catch (e) {
      if (!waiting.delete(go)) next();
      throw e;
    }
  };
  /** Hands a turn on, or gives it back. */
  const next = (): void => {
    const [head] = waiting;
    if (head === undefined) running -= 1;
    else {
      waiting.delete(head);
      head();
    }
  };
  return async (call: Call, inner) => {
    await turn(call);
    try {
      return await inner(call);
    } finally {
      next();
    }
  };
}
