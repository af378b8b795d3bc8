/** What the configuration comes to: typed values, and for each where it came from. */
import { join } from 'node:path';
import type { StorageDefinition } from '@rexray/core';
import { nearest, secretPaths } from '@rexray/core/schema';
import { sectionNames } from './aliases.ts';
import { driverConfig, schemaOf } from './driver-config.ts';
import { environmentWarnings } from './environment.ts';
import { looksSecret } from './excerpt.ts';
import { HIDDEN, invalid } from './invalid.ts';
import { KEYS, keySpec } from './keys.ts';
import { type ModuleConfig, moduleNames, oldModuleWarnings, readModule } from './modules.ts';
import { type Operations, readOperations, rootPath } from './operations.ts';
import type { Paths } from './places.ts';
import type { At, ConfigReader, Explained } from './reader.ts';
import {
  type ClientSettings,
  readAgent,
  readClient,
  readServer,
  readToken,
  type ServerSettings,
  type TokenSettings,
} from './server.ts';
import { defaultService, readServices, type ServiceEntry } from './services.ts';
import { leaves, type Node } from './tree.ts';
import { driverWarnings, keyWarnings } from './unknown.ts';
import type { LogLevel } from './values.ts';

export interface ConfiguredService extends ServiceEntry {
  readonly operations: Operations;
}

export interface EffectiveConfig {
  /** By name, in the order they were written. */
  readonly services: Readonly<Record<string, ConfiguredService>>;
  readonly defaultService?: string;
  /** By name; empty when none is configured: then {@link defaultModule} applies. */
  readonly modules: Readonly<Record<string, ModuleConfig>>;
  readonly paths: Paths;
  readonly logLevel: LogLevel;
  readonly node: { readonly id?: string; readonly mountNamespace?: string; readonly pathsTranslated?: boolean };
  /** Absolute; S22. */
  readonly allowRoots: readonly string[];
  readonly device: { readonly attachTimeoutMs: number };
  readonly moduleStartTimeoutMs: number;
  /** `libstorage.host` or `rexray.host`: a server to use instead. */
  readonly host?: string;
  /** This is the server, although `host` is set. */
  readonly embedded: boolean;
  /** `controller`: volumes are not attached, formatted or mounted on this node. */
  readonly clientType: 'integration' | 'controller';
  /** Where the daemon listens and who may use it. Reads files of keys and certificates only where they are used. */
  readonly server: ServerSettings;
  /** How a client speaks with `host`. @throws VolumeError `invalid` */
  client(): ClientSettings;
  /** What `rexray token` makes tokens with. */
  token(): TokenSettings;
  /** Files that were read, lowest first. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];

  /** The operations as a service, or a module in front of it, sees them. */
  operations(at?: At): Operations;
  /**
   * Settings of a service's driver for its schema; not validated yet (core's `parse` does).
   * @throws VolumeError `invalid` for a path with an undefined variable
   */
  driverConfig(service: string, definition: StorageDefinition): Record<string, unknown>;
  /** What only loaded drivers can tell: settings that they do not have, sections of drivers that are not installed. */
  driverWarnings(definitions: readonly StorageDefinition[], installed?: readonly string[]): readonly string[];
  /** Where the value of a key comes from; secrets are hidden. Any key, also a driver's (`ebs.region`). */
  origin(key: string, at?: At): Explained;
  /** Every registered key that works, then every other key that somebody set: for `config show`. */
  entries(): readonly Explained[];
}

export interface Built {
  readonly reader: ConfigReader;
  readonly paths: Paths;
  readonly specs: Parameters<typeof readServices>[1];
  readonly files: readonly string[];
  readonly warnings: readonly string[];
  /** What the files themselves say, without what was added for keys of 0.3. */
  readonly written?: Node;
  /** Names of services keep their case: they are typed. */
  readonly keepCase?: boolean;
}

export function effective(b: Built): EffectiveConfig {
  const { reader, paths } = b;
  const tree = b.written ?? reader.sources.files;
  const names = moduleNames(reader);
  const services = readServices(reader, b.specs, names, b.keepCase);
  const fallback = defaultService(reader, services);
  const secrets = new Set<string>();
  const operations = (at: At = {}): Operations => readOperations(reader, at, join(paths.lib, 'volumes'));
  // All of them now: a wrong value is said at the start, not at the first call that needs it.
  for (const module of [undefined, ...names]) operations({ module });
  const byName = Object.fromEntries(
    services.map((s) => [s.name, { ...s, operations: operations({ service: s.name }) }]),
  );
  const host = reader.get('string', 'rexray.host') || reader.get('string', 'libstorage.host');
  return {
    services: byName,
    ...(fallback !== undefined && { defaultService: fallback }),
    modules: Object.fromEntries(names.map((m) => [m, readModule(reader, m, defaultService(reader, services, m))])),
    paths,
    ...general(reader),
    ...(host !== undefined && host !== '' && { host }),
    embedded: reader.get('bool', 'libstorage.embedded') ?? false,
    clientType: clientType(reader),
    server: readServer(reader, { paths, services: services.map((s) => s.name), host: host || undefined }),
    client: () => readClient(reader, paths),
    token: () => readToken(reader),
    files: b.files,
    warnings: [
      ...b.warnings,
      ...rootPathWarnings(reader, services),
      ...environmentWarnings(reader.sources.env),
      ...oldModuleWarnings(reader, names),
      ...keyWarnings(
        tree,
        services.map((s) => s.driver),
      ),
    ],
    operations,
    driverConfig(service, definition) {
      const known = byName[service];
      if (known === undefined) throw noService(service, Object.keys(byName));
      const schema = schemaOf(definition);
      for (const section of sectionNames(definition.name.toLowerCase(), definition.aliases))
        for (const s of secretPaths(schema)) secrets.add(`${section}.${s}`.toLowerCase());
      if (known.value !== undefined) return { ...known.value };
      const own = driverConfig(reader, service, definition);
      return known.remote === undefined ? own : { ...own, ...readAgent(reader, paths), ...known.remote };
    },
    driverWarnings: (definitions, installed) => driverWarnings(tree, definitions, installed),
    origin: (key, at) => hide(reader.explain(key, at), secrets),
    entries: () => entries(reader, secrets),
  };
}

function general(
  reader: ConfigReader,
): Pick<EffectiveConfig, 'logLevel' | 'node' | 'allowRoots' | 'device' | 'moduleStartTimeoutMs'> {
  const id = reader.get('string', 'rexray.node.id');
  const mountNamespace = reader.get('path', 'rexray.node.mountNamespace');
  const level = reader.written('rexray.logLevel')
    ? reader.get('logLevel', 'rexray.logLevel')
    : reader.get('logLevel', 'libstorage.logging.level');
  return {
    logLevel: level ?? 'warn',
    node: {
      ...(id !== undefined && id !== '' && { id }),
      ...(mountNamespace !== undefined && { mountNamespace }),
      ...(reader.get('bool', 'rexray.node.pathsTranslated') === true && { pathsTranslated: true }),
    },
    allowRoots: reader.get('paths', 'rexray.allowRoots') ?? [],
    device: { attachTimeoutMs: reader.get('duration', 'libstorage.device.attachTimeout') ?? 30_000 },
    moduleStartTimeoutMs: reader.get('duration', 'rexray.module.startTimeout') ?? 10_000,
  };
}

function clientType(reader: ConfigReader): EffectiveConfig['clientType'] {
  const word = (reader.get('string', 'libstorage.client.type') ?? 'integration').toLowerCase();
  if (word === 'integration' || word === 'controller') return word;
  throw invalid({ key: 'libstorage.client.type', value: word, expected: 'integration or controller' });
}

const rootPathWarnings = (reader: ConfigReader, services: readonly ServiceEntry[]): readonly string[] => [
  ...new Set(services.flatMap((s) => rootPath(reader, { service: s.name }).warning ?? [])),
];

/** Keys of drivers have no row here: their schema's marks count, and until it is loaded, names that sound like secrets. */
function hide(e: Explained, secrets: ReadonlySet<string>): Explained {
  const low = e.key.toLowerCase();
  const secret =
    keySpec(e.key) === undefined &&
    ([...secrets].some((s) => low === s || low.endsWith(`.${s}`)) || looksSecret(low.split('.').at(-1) ?? ''));
  return secret && e.value !== undefined ? { ...e, value: HIDDEN } : e;
}

function entries(reader: ConfigReader, secrets: ReadonlySet<string>): readonly Explained[] {
  const fixed = KEYS.filter(
    (k) => !k.key.includes('<') && (k.effect === undefined || reader.find(k.key) !== undefined),
  ).map((k) => k.key);
  const known = new Set(fixed.map((k) => k.toLowerCase()));
  const { files, flags, overrides } = reader.sources;
  const others = [files, flags, overrides]
    .flatMap((tree) => [...leaves(tree)])
    .filter(({ path, leaf }) => leaf.value !== null && !known.has(path.join('.').toLowerCase()));
  return [...fixed, ...new Set(others.map(({ path }) => path.join('.')))].map((key) =>
    hide(reader.explain(key), secrets),
  );
}

function noService(name: string, names: readonly string[]): Error {
  const near = nearest(name, names);
  return invalid({
    key: 'service',
    value: name,
    expected: `one of ${names.join(', ')}`,
    ...(near.length > 0 && { hint: `Did you mean ${near.join(' or ')}?` }),
  });
}
