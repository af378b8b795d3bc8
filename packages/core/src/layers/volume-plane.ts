/** Policies around the verbs of the integration. Order is one array, in {@link volumePlane}; outermost first. */
import type { MountOptions, Op } from '../api.ts';
import type { Ctx } from '../context.ts';
import { isVolumeError, VolumeError } from '../errors.ts';
import type { HostSession } from '../host.ts';
import { sleep, throwIfOver, whileCalling } from '../integration/calls.ts';
import { type Env, isCrash, lockKey } from '../integration/env.ts';
import { PREFIX } from '../integration/verbs/create.ts';
import type { Call, Layer } from '../layered.ts';

/** Where the arguments of a verb name its volume; first, unless said otherwise. */
const VOLUME_AT: Partial<Record<string, number>> = {
  plan: 1,
  adopt: 1,
  'snapshots.restore': 1,
  'snapshots.remove': -1,
};
function volumeOf({ op, args }: Pick<Call, 'op' | 'args'>): string {
  const name = args[VOLUME_AT[op] ?? 0];
  return typeof name === 'string' ? name : '';
}

/** One pair of events and one line of log a verb. */
export function observe(env: Env): Layer {
  return async (call, next) => {
    const { op, ctx } = call;
    const volume = volumeOf(call);
    const at = (): { service: string; volume: string; requestId: string; at: string } => ({
      service: env.service,
      volume,
      requestId: ctx.requestId,
      at: new Date().toISOString(),
    });
    const holder = (call.args[1] as { holder?: string } | undefined)?.holder;
    const start = performance.now();
    env.events.emit('op.started', { ...at(), op, ...(holder !== undefined && { holder }) });
    try {
      const result = await next(call);
      const ms = performance.now() - start;
      env.events.emit('op.done', { ...at(), op, ms });
      env.logger.info(
        {
          op,
          service: env.service,
          ...(volume !== '' && { volume }),
          requestId: ctx.requestId,
          ms: Math.round(ms * 10) / 10,
          outcome: 'ok',
        },
        op,
      );
      return result;
    } catch (e) {
      const ms = performance.now() - start;
      if (isVolumeError(e)) env.events.emit('op.done', { ...at(), op, ms, error: e.toJSON() as never });
      env.logger.warn(
        {
          op,
          service: env.service,
          ...(volume !== '' && { volume }),
          requestId: ctx.requestId,
          ms: Math.round(ms * 10) / 10,
          outcome: isVolumeError(e) ? e.code : 'internal',
          err: isVolumeError(e) ? e.message : String((e as Error)?.stack ?? e),
        },
        op,
      );
      throw e;
    }
  };
}

/** Every error leaves as a VolumeError that names service and volume. */
export function errors(env: Env): Layer {
  return async (call, next) => {
    try {
      return await next(call);
    } catch (e) {
      if (isCrash(e)) throw e;
      const volume = volumeOf(call);
      const place = { service: env.service, requestId: call.ctx.requestId, ...(volume !== '' && { volume }) };
      if (isVolumeError(e)) {
        (e as VolumeError).place = { ...place, ...e.place };
        throw e;
      }
      throw new VolumeError(
        'internal',
        `${call.op}${volume === '' ? '' : ` of volume "${volume}"`} in service "${env.service}" failed by a bug in this program: ${e instanceof Error ? e.message : String(e)}.`,
        {
          details: { step: call.op },
          cause: e,
          place,
          hint: `Report it with the log of request ${call.ctx.requestId}.`,
        },
      );
    }
  };
}

/** Locked sessions by volume name: what {@link serialize} hands to the verbs. */
export type Sessions = ReadonlyMap<string, HostSession>;

const MAX_QUEUE = 256;

/** One verb at a time per volume: a bounded queue in this process, then the host's lock (S4). */
export function serialize(env: Env, namesOf: (op: Op, args: readonly unknown[]) => readonly string[]): Layer {
  const queues = new Map<string, { tail: Promise<unknown>; length: number }>();
  return async (call, next) => {
    const names = [...new Set(namesOf(call.op as Op, call.args))];
    const run = names.reduceRight<(sessions: Map<string, HostSession>) => Promise<unknown>>(
      (inner, name) => (sessions) =>
        queued(queues, name, call.op, call.ctx, () => locked(env, name, call.ctx, (s) => inner(sessions.set(name, s)))),
      (sessions) => next({ ...call, scope: sessions satisfies Sessions }),
    );
    return run(new Map());
  };
}

async function queued<T>(
  queues: Map<string, { tail: Promise<unknown>; length: number }>,
  name: string,
  op: string,
  ctx: Ctx,
  run: () => Promise<T>,
): Promise<T> {
  const q = queues.get(name) ?? { tail: Promise.resolve(), length: 0 };
  if (q.length >= MAX_QUEUE)
    throw new VolumeError('busy', `${q.length} operations on volume "${name}" are waiting already.`, {
      details: { op, retryAfterMs: 1000 },
      hint: 'Try again later.',
    });
  q.length += 1;
  queues.set(name, q);
  let begun = false;
  const mine = q.tail.then(() => {
    throwIfOver(ctx);
    begun = true;
    return run();
  });
  q.tail = mine.then(noop, noop).then(() => {
    q.length -= 1;
    if (q.length === 0) queues.delete(name);
  });
  try {
    // Whoever only waits may leave at its deadline; what has begun ends by itself, undone if need be.
    await whileCalling(ctx, mine);
  } catch (e) {
    if (!begun) throw e;
  }
  return mine;
}

const noop = (): void => {};

async function locked<T>(env: Env, name: string, ctx: Ctx, run: (s: HostSession) => Promise<T>): Promise<T> {
  const start = performance.now();
  const session = await env.host.open(lockKey(env, name), ctx);
  env.events.emit('lock.wait', {
    service: env.service,
    volume: name,
    requestId: ctx.requestId,
    at: new Date().toISOString(),
    ms: performance.now() - start,
  });
  try {
    return await run(session);
  } finally {
    await session
      .release()
      .catch((e: unknown) =>
        env.logger.error({ service: env.service, volume: name, err: String(e) }, 'the lock could not be given back'),
      );
  }
}

/** `create.implicit`: a mount of a volume that does not exist makes it with the configured defaults. */
export function createOnMount(env: Env, create: (name: string, ctx: Ctx) => Promise<unknown>): Layer {
  return async (call, next) => {
    if (call.op !== 'mount') return next(call);
    try {
      return await next(call);
    } catch (e) {
      if (!isVolumeError(e, 'not_found') || !env.policy.createImplicit) throw e;
      await create(volumeOf(call), call.ctx);
      return next(call);
    }
  };
}

/** `mount.retryCount`, `mount.retryWait`: a mount that failed for a passing reason is tried again, whole. */
export function retryMount(o: { readonly count: number; readonly waitMs: number }): Layer {
  return async (call, next) => {
    if (call.op !== 'mount' || o.count <= 0) return next(call);
    for (let i = 0; ; i++) {
      try {
        return await next(call);
      } catch (e) {
        if (
          i >= o.count ||
          !isVolumeError(e, 'busy', 'unavailable') ||
          call.ctx.deadline - performance.now() < o.waitMs
        )
          throw e;
        await sleep(o.waitMs, call.ctx.signal);
      }
    }
  };
}

/** A mount needs a holder; options that only a person may use are checked here, not in every front end. */
export function validate(env: Env): Layer {
  return (call, next) => {
    if (call.op !== 'mount' && call.op !== 'unmount') return next(call);
    const o = call.args[1] as MountOptions | undefined;
    if (typeof o?.holder !== 'string' || !/^[a-z]+(:[^\s\p{Cc}]{1,512})?$/u.test(o.holder)) {
      throw new VolumeError(
        'invalid',
        `${call.op} of volume "${volumeOf(call)}" in service "${env.service}": "${String(o?.holder)}" is not a holder.`,
        {
          details: { path: 'holder', value: o?.holder, expected: 'a class such as cli, or class:id' },
        },
      );
    }
    if (call.op === 'mount') assertSubdir(o.subdir ?? '/');
    return next(call);
  };
}

function assertSubdir(subdir: string): void {
  const parts = subdir.split('/').filter((p) => p !== '');
  if (subdir.startsWith('/') && !parts.some((p) => p === '.' || p === '..' || p.includes('\0') || p.length > 255))
    return;
  throw new VolumeError('invalid', `"${subdir}" is not a sub-directory of a volume.`, {
    details: { path: 'subdir', value: subdir, expected: 'an absolute path without .. , such as /data' },
    hint: `Set it with ${PREFIX}.mount.rootPath.`,
  });
}
