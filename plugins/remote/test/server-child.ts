/** A server in a process of its own: services over directories, TLS and tokens, told what to do by lines of JSON on standard input. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventBus, type Integration, isVolumeError, silentLogger } from '@rexray/core';
import localDir, { LocalDirDriver } from '@rexray/driver-local-dir';
import localLoop, { LocalLoopDriver } from '@rexray/driver-local-loop';
import memory from '@rexray/driver-memory';
import { createRestServer } from '@rexray/frontend-rest';
import { openRexray, type Rexray } from '@rexray/runtime';

interface Start {
  readonly home: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly authKey: string;
  /** 0: any. */
  readonly port: number;
  /** Services that are there from the beginning. */
  readonly services?: readonly (readonly [name: string, driver: keyof typeof DRIVERS, config: object])[];
}
const start = JSON.parse(process.argv[2] ?? '{}') as Start;
const services: Record<string, Integration> = {};
const open = new Map<string, Rexray>();

/** Stops the next call of a verb for ever: before it does anything, or when it is done and nobody has heard of it. */
let stall: { readonly op: string; readonly when: 'before' | 'after' } | undefined;
let stalled = false;
const never = (): Promise<never> => {
  stalled = true;
  return new Promise(() => setInterval(() => {}, 60_000));
};

// biome-ignore lint/suspicious/noExplicitAny: any driver will do.
function stalling<C extends new (...a: any[]) => object>(Base: C): C {
  return class extends Base {
    // biome-ignore lint/suspicious/noExplicitAny: as TypeScript wants mixins.
    constructor(...a: any[]) {
      super(...a);
      for (const op of ['create', 'attach', 'detach', 'mark', 'remove'] as const) {
        const verb = (this as unknown as Record<string, (...x: unknown[]) => Promise<unknown>>)[op];
        Object.defineProperty(this, op, {
          value: async (...args: unknown[]) => {
            const it = stall?.op === op ? stall.when : undefined;
            if (it !== undefined) stall = undefined;
            if (it === 'before') await never();
            const r = await verb?.apply(this, args);
            return it === 'after' ? never() : r;
          },
        });
      }
    }
  } as C;
}

const DRIVERS = {
  'local-loop': (config: object) => ({
    plugin: { ...localLoop.plugin, driver: stalling(LocalLoopDriver) },
    config: { ...config },
  }),
  'local-dir': (config: object) => ({
    plugin: { ...localDir.plugin, driver: stalling(LocalDirDriver) },
    config: { ...config },
  }),
  memory: (config: object) => memory(config),
} as const;

async function add(name: string, driver: keyof typeof DRIVERS, config: object): Promise<void> {
  const home = join(start.home, name);
  mkdirSync(home, { recursive: true });
  const rex = (await openRexray({
    home,
    node: { id: 'the-server', mountNamespace: '/proc/self' },
    services: { [name]: DRIVERS[driver](config) as never },
    watch: false,
  } as never)) as unknown as Rexray;
  open.set(name, rex);
  services[name] = rex.service(name).integration;
}
for (const s of start.services ?? []) await add(...s);

const events = new EventBus();
const server = await createRestServer(
  {
    services,
    get defaultService() {
      return Object.keys(services)[0];
    },
    events,
    logger: silentLogger,
    signal: new AbortController().signal,
  },
  {
    socket: join(start.home, 'server.sock'),
    endpoints: {
      tls: { address: `tcp://127.0.0.1:${start.port}`, tls: { certFile: start.certFile, keyFile: start.keyFile } },
    },
    auth: { key: start.authKey },
    rateLimit: { perSecond: 0 },
  },
);

const VERBS: Record<string, (...a: never[]) => unknown> = {
  address: () => server.addresses.find((a) => a.startsWith('https:')),
  /** Serves a service; its node state is below the server's home, so that a restarted server is the same. */
  add,
  async drop(name: string) {
    delete services[name];
    await open.get(name)?.close();
    open.delete(name);
  },
  stall: (op: string, when: 'before' | 'after') => {
    stall = { op, when };
    stalled = false;
  },
  stalled: () => stalled,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  void (async () => {
    try {
      const result = await VERBS[verb]?.(...args);
      process.stdout.write(`${JSON.stringify({ id, result: result ?? null })}\n`);
    } catch (e) {
      const error = isVolumeError(e) ? e.toJSON() : { code: 'internal', message: String((e as Error)?.stack ?? e) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}
process.exit(0);
