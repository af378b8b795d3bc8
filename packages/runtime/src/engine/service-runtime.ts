import {
  beginCall,
  bounded,
  type CallOptions,
  type Ctx,
  classified,
  createIntegration,
  type Env,
  type ErrorPlace,
  freshCtx,
  type HostFacts,
  type Integration,
  isVolumeError,
  layeredDriver,
  limited,
  measured,
  OPS,
  type Op,
  type ProcessIdentity,
  pinKey,
  placedError,
  reconcile,
  retry,
  type StorageCallOptions,
  type StorageDriver,
  type StorageOp,
  serveStorage,
  VolumeError,
  whileCalling,
} from '@rexray/core';
import type { Gate } from './gate.ts';
import type { EngineParts, ServicePart } from './parts.ts';
import { reapScratch } from './scratch-book.ts';

export interface Opened {
  readonly env: Env;
  readonly integration: Integration;
}

/** This node and this process, and the gate that every verb passes. */
export interface NodeSelf {
  readonly facts: HostFacts;
  readonly self: ProcessIdentity;
  readonly gate: Gate;
}

/** Not more often than this is a service that failed to open tried again, in ms. */
const REOPEN_MS = 2_000;

/** One service: opened when it can be, tried again when it is used. A backend that is away at start must not keep the others away. */
export class ServiceRuntime {
  readonly name: string;
  readonly integration: Integration;
  readonly driver: StorageDriver;
  readonly #part: ServicePart;
  readonly #parts: EngineParts;
  readonly #node: NodeSelf;
  #opened: Promise<Opened> | undefined;
  #ready: Opened | undefined;
  #failed: { at: number; error: unknown } | undefined;

  constructor(part: ServicePart, parts: EngineParts, node: NodeSelf) {
    this.name = part.name;
    this.#part = part;
    this.#parts = parts;
    this.#node = node;
    this.driver = behindPlane(part, parts);
    this.integration = this.#lazy();
  }

  /** The open service, opening it if need be. @throws why it cannot be opened */
  open(ctx: Ctx): Promise<Opened> {
    if (this.#failed !== undefined && performance.now() - this.#failed.at < REOPEN_MS)
      return Promise.reject(this.#failed.error);
    this.#opened ??= this.#start(ctx).catch((error: unknown) => {
      this.#opened = undefined;
      this.#failed = { at: performance.now(), error };
      throw error;
    });
    return this.#opened;
  }

  /** The open service, undefined while it is not; waits for nothing. */
  get ready(): Opened | undefined {
    return this.#ready;
  }

  /** The open service, or undefined while it is not. */
  async current(): Promise<Opened | undefined> {
    return this.#opened?.catch(() => undefined);
  }

  async #start(ctx: Ctx): Promise<Opened> {
    const { host, store, events, logger } = this.#parts;
    const part = this.#part;
    const node = await this.driver.whoami(this.#node.facts, ctx);
    const identity = await this.#pinned(ctx);
    const env: Env = {
      service: part.name,
      driverName: part.driverName,
      driver: this.driver,
      params: part.params,
      host,
      store,
      events,
      logger,
      node,
      self: this.#node.self,
      root: this.#node.facts.root,
      identity,
      policy: part.policy,
      ...(this.#parts.stepHook !== undefined && { stepHook: this.#parts.stepHook }),
      closing: this.#node.gate.signal,
    };
    const integration = createIntegration(env, {
      ...(this.#parts.layers !== undefined && { layers: this.#parts.layers }),
      ...(part.mountRetry !== undefined && { mountRetry: part.mountRetry }),
    });
    for (const r of await reconcile(env, ctx))
      logger.warn({ service: part.name, volume: r.volume }, `reconcile: ${r.did}`);
    await reapScratch(env, integration, ctx);
    this.#failed = undefined;
    this.#ready = { env, integration };
    return this.#ready;
  }

  /** S9: the place that was seen first is the place; another one is `unavailable`, never an empty one. */
  async #pinned(ctx: Ctx): Promise<string> {
    const { identity } = this.driver;
    if (identity === undefined) return `${this.#part.driverName}:${this.name}`;
    const key = pinKey(this.name);
    const pinned = await this.#parts.store.get<string>(key);
    const seen = await identity.call(this.driver, pinned === undefined ? {} : { expected: pinned }, ctx);
    if (pinned === undefined) {
      const first = await this.#parts.store.commit([{ put: key, value: seen }], { expect: { [key]: undefined } });
      const now = first ? seen : await this.#parts.store.get<string>(key);
      if (now !== seen) throw mismatch(this.name, String(now), seen);
    } else if (pinned !== seen) throw mismatch(this.name, pinned, seen);
    return seen;
  }

  /** For a caller that waits no longer than it said. @throws why it cannot be opened, with the place where that shows */
  async #whenOpen(args: readonly unknown[]): Promise<Opened> {
    const timeoutMs = this.#part.policy.timeoutMs;
    const { ctx, end } = beginCall(optionsOf(args), { timeoutMs, progress: () => {}, closing: this.#node.gate.signal });
    try {
      return await whileCalling(ctx, this.open(startCtx(timeoutMs)));
    } catch (e) {
      const volume = typeof args[0] === 'string' ? { volume: args[0] } : {};
      throw placed(e, { service: this.name, requestId: ctx.requestId, ...volume });
    } finally {
      end();
    }
  }

  /** The storage for agents: bounded like any verb, and none begins once this closes. */
  #serve(op: StorageOp, fields: Fields, o: StorageCallOptions): Promise<unknown> {
    const { gate, facts } = this.#node;
    return gate.run(undefined, async () => {
      const { env } = this.#ready ?? (await this.#whenOpen([o]));
      const { ctx, end } = beginCall(o, {
        timeoutMs: this.#part.policy.timeoutMs,
        progress: () => {},
        closing: gate.signal,
      });
      try {
        return await serveStorage({ env, nodeId: facts.nodeId }, op, fields, o, ctx);
      } catch (e) {
        throw placedError(e, env, ctx.requestId);
      } finally {
        end();
      }
    });
  }

  #lazy(): Integration {
    const { driver, name } = this;
    const part = this.#part;
    const call =
      (path: readonly string[]) =>
      (...args: unknown[]): Promise<unknown> =>
        this.#node.gate.run(args[0], async () => {
          const { integration } = this.#ready ?? (await this.#whenOpen(args));
          const [head = '', leaf] = path;
          const group = (integration as unknown as Record<string, Record<string, unknown>>)[head];
          const fn = (leaf === undefined ? group : group?.[leaf]) as unknown as (...a: unknown[]) => Promise<unknown>;
          return fn(...args);
        });
    const out: Record<string, unknown> = {
      service: name,
      driver: part.driverName,
      ...(part.legacy !== undefined && { legacy: part.legacy }),
      get traits() {
        return driver.traits;
      },
      get can() {
        return canOf(driver);
      },
      get paramsSchema() {
        return driver.paramsSchema ?? part.params['~standard'].jsonSchema.input();
      },
      storage: { call: (op: StorageOp, fields: Fields, o: StorageCallOptions = {}) => this.#serve(op, fields, o) },
    };
    for (const op of OPS) {
      const path = op.split('.');
      const [head = '', leaf] = path;
      if (leaf === undefined) out[head] = call(path);
      else out[head] = { ...(out[head] as object | undefined), [leaf]: call(path) };
    }
    return out as unknown as Integration;
  }
}

function behindPlane(part: ServicePart, parts: EngineParts): StorageDriver {
  const about = { service: part.name, driver: part.driverName };
  return layeredDriver(part.driver, [
    retry({ attempts: 3, firstWaitMs: 100 }),
    bounded({ service: part.name, ms: parts.driverTimeoutMs ?? 110_000 }),
    limited({ service: part.name, concurrency: 64, queue: 4096 }),
    measured({ service: part.name, events: parts.events }),
    classified({ ...about, ...(part.classify !== undefined && { classify: part.classify }) }),
  ]);
}

type Fields = Readonly<Record<string, unknown>>;

export const startCtx = (ms: number): Ctx => freshCtx({ requestId: 'open' }, ms);

const optionsOf = (args: readonly unknown[]): CallOptions | undefined => {
  const last = args.at(-1);
  return typeof last === 'object' && last !== null ? (last as CallOptions) : undefined;
};

/** One failure to open is told to many callers: each gets an error of its own. */
function placed(e: unknown, place: ErrorPlace): VolumeError {
  if (!isVolumeError(e)) {
    const message = `Service "${place.service}" could not be opened: ${e instanceof Error ? e.message : String(e)}.`;
    return new VolumeError('internal', message, { details: { step: 'open' }, cause: e, place });
  }
  const { code, message, details, hint } = e as VolumeError;
  return new VolumeError(code, message, { details, cause: e, place, ...(hint !== undefined && { hint }) });
}

const mismatch = (service: string, expected: string, found: string): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `Service "${service}" is over another place than the one that this node knows: expected ${expected}, found ${found}.`,
    {
      details: { expected, found },
      hint: 'Is the right directory mounted, the right account configured? Nothing was created.',
    },
  );

const PRESENCE: Partial<Record<Op, (d: StorageDriver) => boolean>> = {
  clone: (d) => d.clone !== undefined,
  expand: (d) => d.expand !== undefined,
  adopt: (d) => d.adopt !== undefined,
  capacity: (d) => d.capacity !== undefined,
  format: (d) => d.traits.fsTypes !== undefined,
};
const canOf = (d: StorageDriver): Readonly<Record<Op, boolean>> =>
  Object.fromEntries(
    OPS.map((op) => [op, op.startsWith('snapshots.') ? d.snapshots !== undefined : (PRESENCE[op]?.(d) ?? true)]),
  ) as Record<Op, boolean>;
