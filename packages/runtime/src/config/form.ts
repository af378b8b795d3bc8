/** The short form of a configuration (in code, and in rexray.config.*) as the same tree that REX-Ray's files make. */
import type { ServiceSpec } from '@rexray/core';
import { invalid, type Place } from './invalid.ts';
import { emptyTree, join, type Node, treeOf, under, wrap } from './tree.ts';

const SERVICES = 'libstorage.server.services';
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

/** A configuration in code. @throws VolumeError `invalid` for what is not one */
export function readForm(value: unknown, place: Place): Form {
  if (!isRecord(value)) {
    throw invalid({
      key: place.where,
      expected: 'an object',
      why: 'does not give a configuration object',
      hint: 'Export defineConfig({ services: { … } }) as default.',
    });
  }
  const specs = new Map<string, ServiceSpec>();
  const data = Object.entries(value).map(([key, v]) => [
    key,
    key.toLowerCase() === 'services' && isRecord(v) ? withoutSpecs(v, specs) : v,
  ]);
  return { ...formOf(treeOf(Object.fromEntries(data), place)), specs };
}

/** Takes services by value out: they are no plain data. */
function withoutSpecs(services: Record<string, unknown>, specs: Map<string, ServiceSpec>): Record<string, unknown> {
  const entries = Object.entries(services).map(([name, s]): [string, unknown] => {
    if (isServiceSpec(s)) {
      specs.set(name.toLowerCase(), s);
      return [name, { driver: s.plugin.name }];
    }
    if (typeof s === 'string')
      throw invalid({
        key: `services.${name}`,
        value: s,
        expected: 'a service',
        why: 'is not a service',
        hint: `Write ${name}: { driver: ${JSON.stringify(s)} }.`,
      });
    if (typeof s !== 'function' || !('plugin' in s)) return [name, s];
    // A plugin that was not called: the commonest slip.
    throw invalid({
      key: `services.${name}`,
      expected: 'a service',
      why: 'is a driver that was not called',
      hint: `Write ${name}: driver({ … }), with the parentheses.`,
    });
  });
  return Object.fromEntries(entries);
}

/** A tree in which short names may stand; values keep their lines. Without any it is unchanged. */
export function formOf(tree: Node): Form {
  let out: Node = emptyTree;
  let home: string | undefined;
  for (const [name, node] of tree.children) {
    if (name === 'home') home = homeOf(node);
    else if (name === 'services') out = join(out, moved(services(node), SERVICES));
    else out = join(out, moved(node, SHORT[name] ?? node.name));
  }
  return { tree: out, specs: new Map(), ...(home !== undefined && { home }) };
}

const homeOf = (node: Node): string => {
  const value = node.leaf?.value;
  if (typeof value === 'string' && value !== '') return value;
  throw invalid({ key: 'home', value, expected: 'a path', ...(node.leaf !== undefined && { place: node.leaf.place }) });
};

/** The same content at another key, as a tree of its own. */
function moved(node: Node, key: string): Node {
  const parts = key.split('.');
  return under(
    '',
    wrap(parts, key, (name) => ({ ...node, name })),
  );
}

/** `{ driver: ebs, config: { region } }` is `{ driver: ebs, ebs: { region } }`; `operations` are the service's own. */
function services(node: Node): Node {
  if (node.children.size === 0 && node.leaf !== undefined && node.leaf.value !== null) {
    throw invalid({
      key: 'services',
      expected: 'services by name',
      why: 'is not a section of services',
      place: node.leaf.place,
    });
  }
  const children = [...node.children].map(([key, service]): [string, Node] => {
    const driver = service.children.get('driver')?.leaf?.value;
    let out: Node = {
      name: service.name,
      ...(service.leaf !== undefined && { leaf: service.leaf }),
      children: new Map(),
    };
    for (const [name, setting] of service.children) {
      const target =
        name === 'config' && typeof driver === 'string' ? driver : name === 'operations' ? OPERATIONS : setting.name;
      const parts = name === 'config' ? [target] : target.split('.');
      out = join(
        out,
        under(
          service.name,
          wrap(parts, target, (last) => ({ ...setting, name: last })),
        ),
      );
    }
    return [key, out];
  });
  return { ...node, children: new Map(children) };
}
