import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { FakeMachine } from '@rexray/conformance';
import {
  beginCall,
  bounded,
  classified,
  createIntegration,
  type Env,
  EventBus,
  type FrontendContext,
  type Integration,
  type Logger,
  layeredDriver,
  MemoryStore,
  measured,
  mib,
  type Policy,
  type RunningFrontend,
  type StoragePlane,
  serveStorage,
  silentLogger,
} from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import { classify, MemoryBackend, MemoryDriver } from '@rexray/driver-memory';
import { connect, type RestClient } from '@rexray/rest-client';
import { Cleanup } from '@rexray/rig';
import { createRestServer, type RestSettings } from '../src/index.ts';

const POLICY: Policy = {
  mountRoot: '/volumes',
  plainTargets: true,
  subdir: '/data',
  dataMode: 0o700,
  preempt: false,
  ignoreUsedCount: false,
  createDisable: false,
  createImplicit: false,
  removeDisable: false,
  removeForce: false,
  defaults: { size: mib(64), hints: {} },
  releaseWaitMs: 100,
  noTakeBackMs: 100,
  timeoutMs: 30_000,
};

/** A real integration over the storage in memory and a simulated machine. */
export interface Embedded {
  readonly integration: Integration;
  readonly backend: MemoryBackend;
  readonly machine: FakeMachine;
  readonly env: Env;
}

export async function embedded(events: EventBus, service = 'memory', policy: Partial<Policy> = {}): Promise<Embedded> {
  const backend = new MemoryBackend();
  const raw = new MemoryDriver({}, backend);
  const machine = new FakeMachine({ disks: backend });
  const host = machine.host();
  const driver = layeredDriver(raw, [
    measured({ service, events }),
    classified({ service, driver: 'memory', classify }),
    bounded({ service, ms: 60_000 }),
  ]);
  const ctx = {
    signal: AbortSignal.timeout(5000),
    deadline: performance.now() + 5000,
    requestId: 'open',
    progress() {},
  };
  const facts = await host.facts(ctx);
  const env: Env = {
    service,
    driverName: 'memory',
    driver,
    params: schema(Type.Object({ tier: Type.Optional(Type.String()) }, { additionalProperties: false })),
    host,
    store: new MemoryStore(),
    events,
    logger: silentLogger,
    node: await driver.whoami(facts, ctx),
    self: host.self,
    root: true,
    identity: backend.identity,
    policy: { ...POLICY, ...policy },
  };
  const storage: StoragePlane = {
    call: async (op, fields, o = {}) => {
      const { ctx: call, end } = beginCall(o, { timeoutMs: env.policy.timeoutMs, progress: () => {} });
      return serveStorage({ env, nodeId: facts.nodeId }, op, fields, o, call).finally(end);
    },
  };
  return { integration: Object.assign(createIntegration(env), { storage }), backend, machine, env };
}

export interface Served extends Embedded {
  readonly socket: string;
  readonly events: EventBus;
  readonly server: RunningFrontend;
  readonly client: RestClient;
  /** The same service through socket and client. */
  readonly remote: Integration;
  readonly log: string[];
  readonly stop: AbortController;
}

/** The embedded service behind a server on a socket, and a client of it; all gone with `cleanup`. */
export async function serve(
  cleanup: Cleanup,
  o: { config?: RestSettings; policy?: Partial<Policy>; more?: Readonly<Record<string, Integration>> } = {},
): Promise<Served> {
  const events = new EventBus();
  const it = await embedded(events, 'memory', o.policy);
  const socket = join(cleanup.tempDir('rx-'), 'run', 'rexray.sock');
  const log: string[] = [];
  const stop = new AbortController();
  const context: FrontendContext = {
    services: { memory: it.integration, ...o.more },
    defaultService: 'memory',
    events,
    logger: logInto(log),
    signal: stop.signal,
  };
  const server = await createRestServer(context, { socket, ...o.config });
  cleanup.add(() => server.close());
  const client = connect({ socketPath: socket });
  cleanup.add(() => client.close());
  return { ...it, socket, events, server, client, remote: await client.integration(), log, stop };
}

/** What a long run says is not kept whole: it would look like a leak. */
const LINES_MAX = 20_000;

function logInto(log: string[]): Logger {
  const line =
    (level: string) =>
    (fields: object, message: string): void =>
      void ((log.length < LINES_MAX || level === 'error') && log.push(`${level} ${message} ${JSON.stringify(fields)}`));
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

export const unique = (prefix = 'v'): string => `${prefix}-${randomUUID().slice(0, 8)}`;
export { Cleanup };
