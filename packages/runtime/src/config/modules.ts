/** Front ends that are configured as modules. */
import { basename } from 'node:path';
import type { ConfigReader } from './reader.ts';
import { at, plain } from './tree.ts';

export interface ModuleConfig {
  readonly name: string;
  /** Front end: `docker`, `rest`, `csi` … */
  readonly type: string;
  /** Where it listens; absent = the front end's own default. */
  readonly host?: string;
  readonly desc?: string;
  readonly disabled: boolean;
  /** The service of a call that names none. */
  readonly service?: string;
  /** Everything else that stands in the section, keys as written: the front end's own settings, for its schema. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Docker finds plugins here by the name of their socket. */
export const DOCKER_PLUGIN_DIR = '/run/docker/plugins';
/** REX-Ray's default modules, before 0.10 and since. */
const DEFAULTS = new Set(['default-docker', 'default-csi']);
const MODULES = ['rexray', 'modules'] as const;
/** Sections in a module that repeat keys of the root (scopes), and the module's own keys. */
const NOT_SETTINGS = new Set(['libstorage', 'rexray', 'linux', 'type', 'host', 'spec', 'desc', 'disabled']);

/** What is used where no module is configured at all. */
export const defaultModule = (service?: string): ModuleConfig => ({
  name: 'default-docker',
  type: 'docker',
  host: `unix://${DOCKER_PLUGIN_DIR}/rexray.sock`,
  disabled: false,
  settings: {},
  ...(service !== undefined && { service }),
});

export function moduleNames(reader: ConfigReader): readonly string[] {
  const { files, flags, overrides } = reader.sources;
  return [...new Set([files, flags, overrides].flatMap((tree) => [...(at(tree, MODULES)?.children.keys() ?? [])]))];
}

export function readModule(reader: ConfigReader, name: string, service: string | undefined): ModuleConfig {
  const text = (key: 'type' | 'host' | 'desc'): string | undefined =>
    reader.typed('string', `rexray.modules.${name}.${key}`, undefined, {})?.trim() || undefined;
  const host = text('host');
  const type = kind(text('type'), host);
  const desc = text('desc');
  const listen = host ?? (type === 'docker' ? `unix://${DOCKER_PLUGIN_DIR}/${socketName(name)}.sock` : undefined);
  return {
    name,
    type,
    disabled: type === ADMIN || (reader.typed('bool', `rexray.modules.${name}.disabled`, undefined, {}) ?? false),
    ...(listen !== undefined && { host: listen }),
    ...(desc !== undefined && { desc }),
    ...(service !== undefined && { service }),
    settings: settingsOf(reader, name),
  };
}

/** REX-Ray 0.3 had a module that told about modules. Whoever configured it has nothing to lose: it is left out. */
const ADMIN = 'admin';

export const oldModuleWarnings = (reader: ConfigReader, names: readonly string[]): readonly string[] =>
  names.flatMap((name) => {
    const found = reader.find(`rexray.modules.${name}.type`);
    return String(found?.value).toLowerCase() === ADMIN
      ? [
          `Module "${name}" has the type admin of REX-Ray 0.3, which is gone: it is not started (${found?.place.where}).`,
        ]
      : [];
  });

/** Since 0.10 REX-Ray called the module that serves Docker `csi`: on its default socket that is what Docker needs. */
function kind(written: string | undefined, host: string | undefined): string {
  const type = written?.toLowerCase() ?? 'docker';
  return type === 'csi' && (host === undefined || basename(host) === 'rexray.sock') ? 'docker' : type;
}

const socketName = (module: string): string =>
  DEFAULTS.has(module) ? 'rexray' : module.replace(/[ &_=+:]/g, '-').replace(/[^a-z0-9.-]/g, '') || 'rexray';

function settingsOf(reader: ConfigReader, name: string): Record<string, unknown> {
  const node = at(reader.sources.files, [...MODULES, name]);
  const own = [...(node?.children.values() ?? [])].filter((c) => !NOT_SETTINGS.has(c.name.toLowerCase()));
  return Object.fromEntries(own.map((c) => [c.name, plain(c)]));
}
