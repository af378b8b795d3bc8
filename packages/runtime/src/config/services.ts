/** Which services a configuration has, and with which driver each. */
import { assertName, isVolumeError, type StorageDefinition } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { driverName } from './aliases.ts';
import { invalid } from './invalid.ts';
import type { ConfigReader } from './reader.ts';
import { at, isSet } from './tree.ts';

export const SERVICES = ['libstorage', 'server', 'services'] as const;
const PREFIX = SERVICES.join('.');

export interface ServiceEntry {
  /** Lower case, as REX-Ray has it; a service given by value keeps the case that was written. */
  readonly name: string;
  /** The driver's present name (`vfs` is `local-dir`), or a package name. */
  readonly driver: string;
  /** The key that named it, for errors. */
  readonly from: string;
  /** Set when the service was given by value. */
  readonly plugin?: StorageDefinition;
  readonly value?: Readonly<Record<string, unknown>>;
  /** Set where it is a service of the server that `libstorage.host` names; without a name, its default one. */
  readonly remote?: { readonly service?: string };
}
type Specs = ReadonlyMap<
  string,
  { readonly plugin: StorageDefinition; readonly config: Readonly<Record<string, unknown>> }
>;

/** @throws VolumeError `invalid`: a service without driver, a name that is none */
export function readServices(
  reader: ConfigReader,
  specs: Specs,
  modules: readonly string[],
  keepCase = false,
): readonly ServiceEntry[] {
  const { files, overrides, flags } = reader.sources;
  const names = new Map<string, string>();
  for (const tree of [files, flags, overrides]) {
    for (const [key, node] of at(tree, SERVICES)?.children ?? []) names.set(key, node.name);
  }
  for (const name of names.values()) checkName(name);
  if (specs.size === 0 && isAgent(reader)) return ofServer(reader, modules, names.keys());
  if (names.size > 0) return [...names].map(([low, written]) => entry(reader, keepCase ? written : low, specs));
  return automatic(reader, modules);
}

function checkName(name: string): void {
  try {
    assertName(name, 'service');
  } catch (e) {
    if (isVolumeError(e))
      throw invalid({ key: `${PREFIX}.${name}`, expected: 'a service name', why: `: ${e.message.replace(/\.$/, '')}` });
    throw e;
  }
}

function entry(reader: ConfigReader, name: string, specs: Specs): ServiceEntry {
  const spec = specs.get(name.toLowerCase());
  const from = `${PREFIX}.${name}.driver`;
  if (spec !== undefined) return { name, driver: spec.plugin.name, from, plugin: spec.plugin, value: spec.config };
  const own = [reader.sources.overrides, reader.sources.flags, reader.sources.files]
    .map((tree) => at(tree, [...SERVICES, name, 'driver']))
    .find((node) => isSet(node));
  if (own?.leaf !== undefined) return { name, driver: named(own.leaf.value, from), from };
  for (const key of ['libstorage.driver', 'libstorage.storage.driver'] as const) {
    const driver = reader.get('string', key, { service: name });
    if (driver !== undefined && driver !== '' && driver.toLowerCase() !== 'libstorage')
      return { name, driver: named(driver, key), from: key };
  }
  throw invalid({
    key: from,
    expected: 'the name of a driver',
    why: 'is missing: the service has no driver',
    hint: `Write ${from}: local-loop (or another installed driver).`,
  });
}

/** Whether this process uses a server's services instead of having them itself. */
const isAgent = (reader: ConfigReader): boolean =>
  Boolean(reader.get('string', 'rexray.host') || reader.get('string', 'libstorage.host')) &&
  reader.get('bool', 'libstorage.embedded') !== true;

/**
 * The services of a server, as this node names them: those that are written anywhere, since one file may be for all hosts;
 * where none is, its default one.
 */
function ofServer(
  reader: ConfigReader,
  modules: readonly string[],
  written: Iterable<string>,
): readonly ServiceEntry[] {
  const wanted = [generalDefault(reader), ...modules.map((module) => moduleDefault(reader, module)), ...written];
  const names = [...new Set(wanted.filter((n) => n !== undefined))];
  for (const name of names) checkName(name);
  const entry = (name: string, service?: string): ServiceEntry => ({
    name,
    driver: 'remote',
    from: 'libstorage.host',
    remote: service === undefined ? {} : { service },
  });
  return names.length === 0 ? [entry('remote')] : names.map((name) => entry(name, name));
}

const named = (value: unknown, key: string): string => {
  if (typeof value === 'string' && value.trim() !== '') return driverName(value);
  throw invalid({ key, value, expected: 'the name of a driver' });
};

/** REX-Ray's short form: `libstorage.service: ebs` alone is a service `ebs` with the driver `ebs`. */
function automatic(reader: ConfigReader, modules: readonly string[]): readonly ServiceEntry[] {
  const wanted = [generalDefault(reader), ...modules.map((module) => moduleDefault(reader, module))];
  return [...new Set(wanted.filter((n) => n !== undefined))].map((name) => {
    checkName(name);
    return { name, driver: driverName(name), from: 'libstorage.service' };
  });
}

const generalDefault = (reader: ConfigReader): string | undefined => {
  const name = reader.get('string', 'rexray.service') || reader.get('string', 'libstorage.service');
  return name?.trim().toLowerCase() || undefined;
};

/** A module's own `libstorage.service`. */
function moduleDefault(reader: ConfigReader, module: string): string | undefined {
  const found = reader.find('libstorage.service', { module });
  const own = found?.scope?.startsWith('rexray.modules.') === true ? String(found.value).trim().toLowerCase() : '';
  return own === '' ? undefined : own;
}

/**
 * The service that is meant when none is named: the configured one, else the only one.
 * @throws VolumeError `invalid` when the configured one does not exist
 */
export function defaultService(
  reader: ConfigReader,
  services: readonly ServiceEntry[],
  module?: string,
): string | undefined {
  const name = (module === undefined ? undefined : moduleDefault(reader, module)) ?? generalDefault(reader);
  if (name === undefined) return services.length === 1 ? services[0]?.name : undefined;
  const names = services.map((s) => s.name);
  const hit = names.find((n) => n.toLowerCase() === name);
  if (hit !== undefined || names.length === 0) return hit;
  const near = nearest(name, names);
  throw invalid({
    key: module === undefined ? 'libstorage.service' : `rexray.modules.${module}.libstorage.service`,
    value: name,
    expected: `one of the configured services (${names.join(', ')})`,
    why: `is no configured service; there are ${names.join(', ')}`,
    ...(near.length > 0 && { hint: `Did you mean ${near.join(' or ')}?` }),
  });
}
