/** The short form of a configuration (in code, and in rexray.config.*) as the same tree that REX-Ray's files make. */
import type { ServiceSpec } from '@rexray/core';
import { invalid, type Place } from './invalid.ts';
import { merge, type Node, treeOf } from './tree.ts';

const OPERATIONS = 'libstorage.integration.volume.operations';
/** Short name (lower case: keys are case-insensitive here too) → key. Everything else (`libstorage`, `rexray`, `linux`, driver sections) stands in the file as REX-Ray has it. */
const SHORT: Readonly<Record<string, string>> = {
  defaultservice: 'libstorage.service',
  operations: OPERATIONS,
  modules: 'rexray.modules',
  node: 'rexray.node',
  allowroots: 'rexray.allowRoots',
  loglevel: 'rexray.logLevel',
};

export interface Form {
  readonly tree: Node;
  /** Services given by value (`ebs({ region })`), by lower-case name. */
  readonly specs: ReadonlyMap<string, ServiceSpec>;
  /** `home`: moves every path, like REXRAY_HOME. */
  readonly home?: string;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);

export function isServiceSpec(x: unknown): x is ServiceSpec {
  return isRecord(x) && isRecord(x.plugin) && x.plugin.kind === 'storage' && isRecord(x.config);
}

/** @throws VolumeError `invalid` for what is not a configuration */
export function readForm(value: unknown, place: Place): Form {
  if (!isRecord(value))
    throw invalid({
      key: place.where,
      expected: 'an object',
      why: 'does not give a configuration object',
      hint: 'Export defineConfig({ services: { … } }) as default.',
    });
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  const short = (name: string): unknown => entries.find(([k]) => k.toLowerCase() === name)?.[1];
  const [services, home] = [short('services'), short('home')];
  if (home !== undefined && typeof home !== 'string')
    throw invalid({ key: 'home', value: home, expected: 'a path', place });
  const named = readServices(services, place);
  let tree = treeOf(named.data, place);
  for (const [key, v] of entries) {
    const name = key.toLowerCase();
    if (name !== 'services' && name !== 'home') tree = merge(tree, treeOf({ [SHORT[name] ?? key]: v }, place));
  }
  return { tree, specs: named.specs, ...(home !== undefined && { home }) };
}

function readServices(
  services: unknown,
  place: Place,
): { data: Record<string, unknown>; specs: Map<string, ServiceSpec> } {
  const specs = new Map<string, ServiceSpec>();
  if (services === undefined || services === null) return { data: {}, specs };
  if (!isRecord(services))
    throw invalid({ key: 'services', expected: 'an object of services by name', why: 'is not an object', place });
  const entries = Object.entries(services).map(([name, s]): [string, unknown] => {
    if (isServiceSpec(s)) {
      specs.set(name.toLowerCase(), s);
      return [name, { driver: s.plugin.name }];
    }
    // A plugin that was not called: the commonest slip.
    if (typeof s === 'function' && 'plugin' in s)
      throw invalid({
        key: `services.${name}`,
        expected: 'a service',
        why: 'is a driver that was not called',
        place,
        hint: `Write ${name}: driver({ … }), with the parentheses.`,
      });
    return [name, isRecord(s) ? nested(s) : s];
  });
  return { data: { libstorage: { server: { services: Object.fromEntries(entries) } } }, specs };
}

/** `{ driver: 'ebs', config: { region } }` is `{ driver: 'ebs', ebs: { region } }`; `operations` are the service's own. */
function nested({ config, operations, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const driver = typeof rest.driver === 'string' ? rest.driver : undefined;
  return {
    ...rest,
    ...(config !== undefined && driver !== undefined && { [driver.includes('.') ? 'config' : driver]: config }),
    ...(operations !== undefined && { [OPERATIONS]: operations }),
  };
}
