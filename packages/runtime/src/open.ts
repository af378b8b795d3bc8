import {
  bytes,
  EventBus,
  type EventSource,
  type HostDriver,
  type Layer,
  type Logger,
  type NodeStore,
  type Policy,
  type Service,
  silentLogger,
  VolumeError,
} from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import {
  type Config,
  configOf,
  type EffectiveConfig,
  type FileForm,
  type LoadOptions,
  loadConfig,
  makePlaces,
  type Operations,
  type ServiceParams,
  type Services,
} from './config/index.ts';
import { type Engine, openEngine } from './engine/engine.ts';
import { openHost, openStore } from './engine/places.ts';
import { serviceParts } from './engine/services.ts';
import { leaveWatcher } from './watcher/leave.ts';
import { inWorkers } from './worker/index.ts';

/** What an embedder may replace; everything has a default. */
export interface OpenOptions extends Omit<LoadOptions, 'config'> {
  readonly logger?: Logger | undefined;
  /** `worker`: kernel calls are made in processes of their own, so that a hung file system costs one of them (a daemon's choice). Default `in-process`. */
  readonly host?: 'in-process' | 'worker' | HostDriver | undefined;
  /** `worker`: drivers that may hang in a file system (`traits.blocking`) run in a process of their own. Default: as `host`, when that is a word. */
  readonly drivers?: 'in-process' | 'worker' | undefined;
  readonly store?: NodeStore | undefined;
  /** Site policies around every volume verb, between the locks and the verbs. */
  readonly layers?: readonly Layer[] | undefined;
  /** A configuration that was read already: nothing else is read. */
  readonly loaded?: EffectiveConfig | undefined;
  /** Answers before the services are open; a verb waits for its own. A backend that hangs then delays nobody else. Default false. */
  readonly background?: boolean | undefined;
  /** This process looks after claims for as long as it lives (S11). Default true. */
  readonly watch?: boolean | undefined;
  /** Asked at close, where volumes stay mounted: whether a process must be left that looks after their claims. Default: yes. */
  readonly leaveWatcher?: (() => boolean) | undefined;
}

/** REX-Ray in this process. */
export interface Rexray<S extends Services = Services> extends AsyncDisposable {
  service<K extends keyof S & string>(name: K): Service<ServiceParams<S[K]>>;
  /** The default service. @throws `not_found` when several are configured and none is the default */
  service(): Service<ServiceParams<S[keyof S]>>;
  readonly services: readonly (keyof S & string)[];
  readonly defaultService: string | undefined;
  readonly events: EventSource;
  readonly config: EffectiveConfig;
  /** Mounts and volumes stay; scratch volumes of this process go. */
  close(): Promise<void>;
}

/**
 * Opens REX-Ray: from the operator's files, or from a value. Brings this node to what its notes promise first (S12).
 * @throws `invalid` for a bad configuration, `not_found` for a driver that is not installed. A backend that is away is not
 * an error here: its service answers `unavailable` and is tried again when it is used.
 */
export function openRexray(o?: FileForm & OpenOptions): Promise<Rexray<Record<string, { driver: string }>>>;
export function openRexray<const S extends Services>(
  o: Config<S> & { readonly services: S } & OpenOptions,
): Promise<Rexray<S>>;
export async function openRexray(o: (FileForm | Config) & OpenOptions = {}): Promise<Rexray> {
  const config = await configured(o);
  const logger = o.logger ?? silentLogger;
  const told = o.logger ?? WARNINGS;
  const events = new EventBus();
  for (const message of config.warnings) {
    told.warn({}, message);
    events.emit('warning', { message, at: new Date().toISOString() });
  }
  makePlaces(config.paths, ['lib', 'state']);
  const loaded = await serviceParts(config, { logger, told, policyOf: (s) => policyOf(config, s), root: o.root });
  const parts = (o.drivers ?? o.host) === 'worker' ? inWorkers(loaded, config.paths.lib, logger) : loaded;
  const host = await openHost(config, o.host ?? 'in-process', logger);
  const store = o.store ?? (await openStore(config, logger));
  try {
    const engine = await openEngine({
      services: parts,
      host,
      store,
      events,
      logger,
      ...((o.layers !== undefined || config.clientType === 'controller') && {
        layers: [...(config.clientType === 'controller' ? [controller] : []), ...(o.layers ?? [])],
      }),
      ...(o.watch !== undefined && { watch: o.watch }),
      ...(o.background === true && { background: true }),
      leaveWatcher: async (names) => {
        if (o.leaveWatcher?.() !== false) await leaveWatcher(config, parts, names, logger);
      },
    });
    return facade(engine, config, events);
  } catch (e) {
    await host.close();
    await store.close();
    throw e;
  }
}

/** Verbs that use a device of this node. What is mounted already can be given back. */
const HERE: readonly string[] = ['attach', 'mount', 'format', 'adopt'];

/** `libstorage.client.type: controller`: the storage is for agents, and nothing of it is used here. */
const controller: Layer = (call, next) => {
  if (!HERE.includes(call.op)) return next(call);
  throw new VolumeError('unsupported', `${call.op}: this is a controller, volumes are not used on this node.`, {
    details: { verb: call.op, missing: 'libstorage.client.type: integration' },
    hint: 'Do it on a node with libstorage.host, or set libstorage.client.type to integration.',
  });
};

/** A slip in a configuration must not pass in silence where nobody gave a logger: Node prints it once, on standard error. */
const WARNINGS: Logger = { ...silentLogger, warn: (_, message) => process.emitWarning(message, 'RexrayWarning') };

const OPEN_KEYS = 'services config overrides flags env environmentFile cwd root programDir program'.split(' ');

/** Without `services` the files are read: a slip in that word must not do it. */
function assertKeys(o: object): void {
  const unknown = Object.keys(o).find((key) => !OPEN_KEYS.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, OPEN_KEYS)[0];
  throw new VolumeError('invalid', `openRexray: "${unknown}" is not known here.`, {
    details: { path: unknown, expected: OPEN_KEYS.join(', ') },
    hint: near === undefined ? 'A configuration by value has services: { … }.' : `Did you mean ${near}?`,
  });
}

function configured(o: (FileForm | Config) & OpenOptions): Promise<EffectiveConfig> | EffectiveConfig {
  const {
    logger: _l,
    host: _h,
    store: _s,
    layers: _y,
    watch: _w,
    drivers: _d,
    leaveWatcher: _v,
    background: _b,
    loaded,
    ...rest
  } = o;
  if (loaded !== undefined) return loaded;
  if (rest.services === undefined) {
    assertKeys(rest);
    return loadConfig(rest as LoadOptions);
  }
  const { overrides, flags, env, environmentFile, cwd, root, programDir, program, ...value } = rest as Config &
    LoadOptions;
  return configOf(value, { overrides, flags, env, environmentFile, cwd, root, programDir, program });
}

function facade(engine: Engine, config: EffectiveConfig, events: EventSource): Rexray {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= engine.close();
    return closing;
  };
  return {
    services: engine.services,
    defaultService: config.defaultService,
    events,
    config,
    service: ((name?: string) => engine.service(name ?? fallback(config))) as Rexray['service'],
    close,
    [Symbol.asyncDispose]: close,
  };
}

function fallback(config: EffectiveConfig): string {
  if (config.defaultService !== undefined) return config.defaultService;
  const names = Object.keys(config.services);
  throw new VolumeError(
    'not_found',
    names.length === 0
      ? 'No service is configured.'
      : `${names.length} services are configured and none is the default: ${names.join(', ')}.`,
    {
      details: { what: 'service', near: names },
      hint:
        names.length === 0
          ? 'Write libstorage.service: local-loop (or another driver) into the configuration.'
          : 'Name one, or set libstorage.service.',
    },
  );
}

/** How long a verb may take where the caller does not say, in ms: Docker and Mesos give up at 120 s. */
const VERB_TIMEOUT_MS = 115_000;

export function policyOf(
  config: EffectiveConfig,
  service: { readonly name: string; readonly operations: Operations },
): Policy {
  const { create, remove, mount, unmount } = service.operations;
  const { sizeBytes, iops, type, fsType, availabilityZone } = create.default;
  return {
    mountRoot: mount.path,
    plainTargets:
      config.defaultService === undefined
        ? Object.keys(config.services)[0] === service.name
        : config.defaultService === service.name,
    subdir: mount.rootPath,
    dataMode: mount.fileMode,
    preempt: mount.preempt,
    ignoreUsedCount: unmount.ignoreUsedCount,
    createDisable: create.disable,
    createImplicit: create.implicit,
    removeDisable: remove.disable,
    removeForce: remove.force,
    defaults: {
      size: bytes(sizeBytes),
      ...(fsType !== undefined && { fsType }),
      hints: {
        ...(iops !== undefined && { iops }),
        ...(type !== undefined && { type }),
        ...(availabilityZone !== undefined && { availabilityZone }),
      },
    },
    releaseWaitMs: 10_000,
    noTakeBackMs: 60_000,
    timeoutMs: VERB_TIMEOUT_MS,
  };
}
