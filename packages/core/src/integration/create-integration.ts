import {
  type CreateOptions,
  type Integration,
  OPS,
  type Op,
  PLANNED,
  type Plan,
  type PlannedOp,
  type Volume,
} from '../api.ts';
import type { CallOptions, Ctx } from '../context.ts';
import { isVolumeError, VolumeError } from '../errors.ts';
import { compose, type Layer, type Next } from '../layered.ts';
import {
  createOnMount,
  errors,
  observe,
  retryMount,
  type Sessions,
  serialize,
  validate,
} from '../layers/volume-plane.ts';
import { beginCall } from './calls.ts';
import type { Env } from './env.ts';
import { all, notFoundId } from './facts.ts';
import { planOf } from './plan.ts';
import { reads } from './reads.ts';
import { finishLeft } from './reconcile.ts';
import { perform, type Scope, type Verb } from './verb.ts';
import { adopt } from './verbs/adopt.ts';
import { attach, detach } from './verbs/attach.ts';
import { clone, snapshotCreate, snapshotRemove, snapshotRestore } from './verbs/copy.ts';
import { createVerb } from './verbs/create.ts';
import { expand } from './verbs/expand.ts';
import { holderRelease } from './verbs/holders.ts';
import { modify } from './verbs/modify.ts';
import { mount } from './verbs/mount.ts';
import { remove } from './verbs/remove.ts';
import { differences } from './verbs/spec.ts';
import { unmount } from './verbs/unmount.ts';
import { wipe } from './verbs/wipe.ts';

// biome-ignore lint/suspicious/noExplicitAny: a table of verbs of different arguments; each is checked where it is defined.
export type AnyVerb = Verb<any, any, any>;
const VERBS: Readonly<Record<PlannedOp, AnyVerb>> = {
  create: createVerb,
  clone,
  expand,
  modify,
  remove,
  adopt,
  format: wipe,
  attach,
  detach,
  mount,
  unmount,
  'snapshots.create': snapshotCreate,
  'snapshots.remove': snapshotRemove,
  'snapshots.restore': snapshotRestore,
  'holders.release': holderRelease,
};

export interface IntegrationOptions {
  /** Layers between the locks and the verbs: the place of site policies (plugins of kind `layer`). */
  readonly layers?: readonly Layer[];
  readonly mountRetry?: { readonly count: number; readonly waitMs: number };
}

/** The integration of one service. Order of its layers: observe · errors · validate · retry · create-on-mount · serialize · site layers → verbs. */
export function createIntegration(env: Env, o: IntegrationOptions = {}): Integration {
  const locksOf = (op: Op, args: readonly unknown[]): readonly string[] =>
    op in VERBS ? VERBS[op as PlannedOp].locks(args) : [];
  const plane: Layer[] = [
    observe(env),
    errors(env),
    validate(env),
    retryMount(o.mountRetry ?? { count: 0, waitMs: 0 }),
    createOnMount(env, (name, ctx) => run({ op: 'create', args: [name, {}], ctx })),
    serialize(env, locksOf),
    ...(o.layers ?? []),
  ];
  const run: Next = compose(plane, (call) => dispatch(env, call.op as Op, call.args, call.ctx, call.scope as Sessions));
  const call = async (op: Op, args: readonly unknown[], options: CallOptions | undefined): Promise<unknown> => {
    const { ctx, end } = beginCall(options, {
      timeoutMs: env.policy.timeoutMs,
      closing: env.closing,
      progress: (p) =>
        env.events.emit('op.progress', {
          service: env.service,
          volume: typeof args[0] === 'string' ? args[0] : '',
          requestId: ctx.requestId,
          at: new Date().toISOString(),
          op,
          ...p,
        }),
    });
    try {
      return await run({ op, args, ctx });
    } finally {
      end();
    }
  };
  return surface(env, call);
}

async function dispatch(env: Env, op: Op, args: readonly unknown[], ctx: Ctx, sessions: Sessions): Promise<unknown> {
  if (op in reads)
    return (reads[op as keyof typeof reads] as (env: Env, args: readonly unknown[], ctx: Ctx) => Promise<unknown>)(
      env,
      args,
      ctx,
    );
  if (op === 'plan') return plan(env, args as [PlannedOp, string, object | undefined], ctx);
  const scope: Scope = {
    env,
    session(name) {
      const s = sessions.get(name);
      if (s === undefined) throw new Error(`${op} uses the session of "${name}" without its lock`);
      return s;
    },
  };
  for (const [name, session] of sessions) await finishLeft(env, name, session, ctx);
  return perform(VERBS[op as PlannedOp], scope, args, ctx);
}

/** Verbs whose second argument is a name take it from the plan's options. */
const SECOND: Partial<Record<PlannedOp, string>> = {
  clone: 'to',
  adopt: 'as',
  'snapshots.create': 'snapshot',
  'snapshots.restore': 'to',
  'holders.release': 'holder',
};

async function plan(
  env: Env,
  [op, name, o]: readonly [PlannedOp, string, (object | undefined)?],
  ctx: Ctx,
): Promise<Plan> {
  if (!PLANNED.includes(op))
    throw new VolumeError('invalid', `"${op}" is not a verb that can be planned.`, {
      details: { path: 'op', value: op, expected: PLANNED.join(', ') },
    });
  const second = SECOND[op];
  const options = { ...(o as Record<string, unknown>) };
  if (op === 'create' && options.from !== undefined) {
    const from = options.from as Record<string, string>;
    const { from: _from, ...rest } = options;
    if (from.volume !== undefined) return plan(env, ['clone', from.volume, { ...rest, to: name }], ctx);
    if (from.snapshot !== undefined) return plan(env, ['snapshots.restore', from.snapshot, { ...rest, to: name }], ctx);
  }
  const args = second === undefined ? [name, options] : [name, String(options[second] ?? ''), options];
  return planOf(env, VERBS[op], op, name, args, ctx);
}

type CallFn = (op: Op, args: readonly unknown[], o: CallOptions | undefined) => Promise<unknown>;

function surface(env: Env, call: CallFn): Integration {
  const verb =
    (op: Op, options: number) =>
    (...args: unknown[]): Promise<never> =>
      call(op, args, args[options] as CallOptions | undefined) as Promise<never>;
  return {
    service: env.service,
    driver: env.driverName,
    get traits() {
      return env.driver.traits;
    },
    can: Object.fromEntries(OPS.map((op) => [op, has(env, op)])) as Record<Op, boolean>,
    get paramsSchema() {
      return env.params['~standard'].jsonSchema.input();
    },
    list: verb('list', 0),
    get: verb('get', 1),
    create: (name, o = {}) => create(env, call, name, o),
    clone: verb('clone', 2),
    expand: verb('expand', 1),
    modify: verb('modify', 1),
    remove: verb('remove', 1),
    adopt: verb('adopt', 2),
    format: verb('format', 1),
    attach: verb('attach', 1),
    detach: verb('detach', 1),
    mount: verb('mount', 1),
    unmount: verb('unmount', 1),
    capacity: verb('capacity', 0),
    snapshots: {
      list: verb('snapshots.list', 0),
      create: verb('snapshots.create', 2),
      remove: verb('snapshots.remove', 1),
      restore: verb('snapshots.restore', 2),
    },
    holders: { list: verb('holders.list', 0), release: verb('holders.release', 2) },
    nodes: { list: verb('nodes.list', 0) },
    plan: (op, name, o) => call('plan', [op, name, o], o as CallOptions | undefined) as Promise<Plan>,
  };
}

const SOURCES = ['volume', 'snapshot', 'snapshotId', 'volumeId'] as const;

function assertSource(env: Env, name: string, from: unknown): void {
  const o = (typeof from === 'object' ? from : undefined) as Record<string, unknown> | null | undefined;
  if (SOURCES.filter((key) => typeof o?.[key] === 'string').length === 1) return;
  throw new VolumeError('invalid', `Volume "${name}": from: ${JSON.stringify(from)} does not say what to copy.`, {
    details: { path: 'from', value: from, expected: SOURCES.map((key) => `{ ${key} }`).join(', ') },
    hint: "Write from: { snapshot: 'name' } or from: { volume: 'name' }.",
    place: { volume: name, service: env.service },
  });
}

/** A create from a source is a clone or a restore; its existing result is returned as any existing volume is. */
async function create(env: Env, call: CallFn, name: string, o: CreateOptions): Promise<Volume> {
  const { from, ...rest } = o;
  if (from === undefined) return (await call('create', [name, o], o)) as Volume;
  assertSource(env, name, from);
  if (o.overwriteFs === true) {
    throw new VolumeError(
      'invalid',
      `Volume "${name}": overwriteFs and a source exclude each other; a copy has the file system of its source.`,
      { details: { path: 'overwriteFs', value: true }, place: { volume: name, service: env.service } },
    );
  }
  const there = await existingOf(call, name, o);
  if (there !== undefined) {
    const { notes, conflict } = differences(env, there, o);
    if (conflict !== undefined) throw conflict;
    return { ...there, notes: [...notes, ...there.notes] };
  }
  if ('volume' in from) return (await call('clone', [from.volume, name, rest], o)) as Volume;
  if ('snapshot' in from) return (await call('snapshots.restore', [from.snapshot, name, rest], o)) as Volume;
  if ('snapshotId' in from) return (await call('snapshots.restore', [from.snapshotId, name, rest], o)) as Volume;
  const { ctx, end } = beginCall(o, { timeoutMs: env.policy.timeoutMs, closing: env.closing, progress: () => {} });
  try {
    for await (const v of all(env, ctx))
      if (v.id === from.volumeId) return (await call('clone', [v.name, name, rest], o)) as Volume;
  } finally {
    end();
  }
  throw notFoundId(env, from.volumeId);
}

async function existingOf(call: CallFn, name: string, o: CreateOptions): Promise<Volume | undefined> {
  try {
    return (await call('get', [name, o], o)) as Volume;
  } catch (e) {
    if (isVolumeError(e, 'not_found')) return undefined;
    throw e;
  }
}

const NEEDS: Partial<Record<Op, (env: Env) => boolean>> = {
  clone: (e) => e.driver.clone !== undefined,
  expand: (e) => e.driver.expand !== undefined,
  adopt: (e) => e.driver.adopt !== undefined,
  capacity: (e) => e.driver.capacity !== undefined,
  format: (e) => e.driver.traits.fsTypes !== undefined,
};
const has = (env: Env, op: Op): boolean =>
  op.startsWith('snapshots.') ? env.driver.snapshots !== undefined : (NEEDS[op]?.(env) ?? true);
