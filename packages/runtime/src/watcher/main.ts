/** The watcher process (S11): argv is the state directory. Holds the watcher's lock, looks after claims, ends with the last mount. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  DESCRIPTORS,
  EventBus,
  type HostDriver,
  type HostSession,
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
  const first = readSpecs(state)[0];
  if (first === undefined) return;
  const linux = await import('@rexray/host-linux');
  const surroundings = { service: 'the watcher', config: first.host, logger, libDir: state };
  const host = createPlugin<HostDriver>(linux.default.plugin, surroundings);
  try {
    // A program may have left mounts and found our lock taken while we were ending: then we begin again.
    while (await watchUntilNone(state, host)) {}
  } finally {
    await host.close();
  }
}

/** @returns whether there are mounts again, after the lock was given back; false also where somebody else has it */
async function watchUntilNone(state: string, host: HostDriver): Promise<boolean> {
  let session: HostSession;
  try {
    session = await host.open(WATCH_LOCK, startCtx(200));
  } catch (e) {
    // The daemon or another watcher does it already: then this one is not needed.
    if (isVolumeError(e, 'busy', 'timeout')) return false;
    throw e;
  }
  try {
    while (await watchSpecs(state, host)) {}
  } finally {
    await session.release();
  }
  const store = await openStore(state);
  try {
    return await anyMounts(store, await bootOf(host));
  } finally {
    await store.close();
  }
}

/** Looks after the services that are noted now. @returns whether others were noted meanwhile; false at the last mount's end */
async function watchSpecs(state: string, host: HostDriver): Promise<boolean> {
  const specs = readSpecs(state);
  const boot = await bootOf(host);
  const store = await openStore(state);
  const parts = (await Promise.all(specs.map(partOf))).filter((p) => p !== undefined);
  const engine = await openEngine({ services: parts, host: keepOpen(host), store, events: new EventBus(), logger });
  try {
    const known = JSON.stringify(specs);
    while (await anyMounts(store, boot)) {
      if (JSON.stringify(readSpecs(state)) !== known) return true;
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
    return false;
  } finally {
    await engine.close();
  }
}

async function openStore(state: string): Promise<NodeStore> {
  const [linux, lmdb] = await Promise.all([import('@rexray/host-linux'), import('@rexray/store-lmdb')]);
  return createPlugin<NodeStore>(lmdb.default.plugin, {
    service: 'the watcher',
    config: { dir: state },
    logger,
    libDir: state,
    extra: [provide(DESCRIPTORS, linux.descriptors)],
  });
}

const bootOf = async (host: HostDriver): Promise<string | undefined> =>
  (await host.identify(process.pid, startCtx(5_000)))?.bootId;

/** The engine closes its host; the lock must be given back first. */
const keepOpen = (host: HostDriver): HostDriver => ({
  facts: (c) => host.facts(c),
  open: (k, c) => host.open(k, c),
  mounts: (b, c) => host.mounts(b, c),
  identify: (p, c) => host.identify(p, c),
  close: async () => {},
});

/** Notes of an earlier boot are of mounts that are gone. */
async function anyMounts(store: NodeStore, boot: string | undefined): Promise<boolean> {
  return (await store.list<NodeVolume>('volume/')).some(
    ([, v]) => v.mount !== undefined && v.lost === undefined && v.bootId === boot,
  );
}

function readSpecs(state: string): WatchSpec[] {
  const dir = join(state, WATCH_DIR);
  return readdirSync(dir)
    .filter((f) => f.endsWith('.json'))
    .sort()
    .map((f) => JSON.parse(readFileSync(join(dir, f), 'utf8')) as WatchSpec);
}

/** A driver that cannot be loaded any more must not keep the others from being looked after. */
async function partOf(s: WatchSpec): Promise<ServicePart | undefined> {
  try {
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
  } catch (e) {
    logger.error({ service: s.service, err: String(e) }, 'its driver cannot be loaded: nobody looks after its claims');
    return undefined;
  }
}

await main(process.argv[2] ?? '');
