/** The watcher process (S11): argv is the state directory. Holds the watcher's lock, looks after claims, ends with the last mount. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  DESCRIPTORS,
  EventBus,
  type HostDriver,
  isVolumeError,
  type Logger,
  type NodeStore,
  type NodeVolume,
  silentLogger,
  WATCH_MS,
} from '@rexray/core';
import { openEngine } from '../engine/engine.ts';
import type { ServicePart } from '../engine/parts.ts';
import { startCtx } from '../engine/service-runtime.ts';
import { checkPlugin, createDriver, createPlugin, provide } from '../plugins/index.ts';
import { WATCH_DIR, WATCH_LOCK, type WatchSpec } from './spec.ts';

const line = (level: string) => (fields: object, message: string) =>
  console.error(JSON.stringify({ at: new Date().toISOString(), level, message, ...fields }));
const logger: Logger = { ...silentLogger, warn: line('warn'), error: line('error') };

async function main(state: string): Promise<void> {
  const specs = readSpecs(join(state, WATCH_DIR));
  const first = specs[0];
  if (first === undefined) return;
  const [linux, lmdb] = await Promise.all([import('@rexray/host-linux'), import('@rexray/store-lmdb')]);
  const surroundings = { service: 'the watcher', config: first.host, logger, libDir: state };
  const host = createPlugin<HostDriver>(linux.default.plugin, surroundings);
  try {
    // Somebody else (the daemon, another watcher) does it already: then this one is not needed.
    const session = await host.open(WATCH_LOCK, startCtx(200));
    try {
      const store = createPlugin<NodeStore>(lmdb.default.plugin, {
        ...surroundings,
        config: { dir: state },
        extra: [provide(DESCRIPTORS, linux.descriptors)],
      });
      const parts = await Promise.all(specs.map(partOf));
      const engine = await openEngine({ services: parts, host: keepOpen(host), store, events: new EventBus(), logger });
      while (await anyMounts(store)) await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      await engine.close();
    } finally {
      await session.release();
    }
  } catch (e) {
    if (!isVolumeError(e, 'busy', 'timeout')) throw e;
  } finally {
    await host.close();
  }
}

/** The engine closes its host; the lock must be given back first. */
const keepOpen = (host: HostDriver): HostDriver => ({
  facts: (c) => host.facts(c),
  open: (k, c) => host.open(k, c),
  mounts: (b, c) => host.mounts(b, c),
  identify: (p, c) => host.identify(p, c),
  close: async () => {},
});

async function anyMounts(store: NodeStore): Promise<boolean> {
  return (await store.list<NodeVolume>('volume/')).some(([, v]) => v.mount !== undefined && v.lost === undefined);
}

function readSpecs(dir: string): WatchSpec[] {
  return readdirSync(dir)
    .filter((f) => f.endsWith('.json'))
    .map((f) => JSON.parse(readFileSync(join(dir, f), 'utf8')) as WatchSpec);
}

async function partOf(s: WatchSpec): Promise<ServicePart> {
  const definition = checkPlugin('storage', await import(pathToFileURL(s.module).href), s.module);
  const driver = createDriver(definition, { service: s.service, config: s.config, logger, libDir: s.libDir });
  return {
    name: s.service,
    driverName: s.driver,
    driver,
    params: definition.params,
    ...(definition.classify !== undefined && { classify: definition.classify }),
    policy: s.policy,
  };
}

await main(process.argv[2] ?? '');
