/** Keys in a configuration that nothing reads: most are typing errors, and silence would be the worst answer. */
import type { StorageDefinition } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { OUR_DRIVERS, REXRAY_DRIVERS, sectionNames } from './aliases.ts';
import { type JsonSchema, namesIn, propertiesOf, schemaOf } from './driver-config.ts';
import { KEYS, keySpec } from './keys.ts';
import { legacyKey, overruled } from './legacy.ts';
import { type Leaf, leaves, type Node } from './tree.ts';

const ALL = KEYS.map((k) => k.key);
const MODULE_KEYS = ['type', 'host', 'desc', 'disabled', 'spec'];

/** Warnings about registered keys and typing errors; sections of drivers are looked at by {@link driverWarnings} once their schemas are known. */
export function keyWarnings(tree: Node, drivers: readonly string[]): readonly string[] {
  const sections = new Set([...REXRAY_DRIVERS, ...OUR_DRIVERS, ...drivers].flatMap((d) => sectionNames(d)));
  const warnings: string[] = [];
  for (const { path, leaf } of leaves(tree)) {
    const rest = unscoped(path);
    const key = rest.join('.');
    const spec = keySpec(key) ?? keySpec(key.replace(/^libstorage\.(client|server)\./i, 'libstorage.'));
    if (spec?.effect === 'warn' && leaf.value !== null)
      warnings.push(`${spec.key} has no effect in this version (${leaf.place.where}).`);
    if (spec !== undefined || leaf.value === null || sections.has(rest[0]?.toLowerCase() ?? '')) continue;
    const said = old(tree, key, leaf) ?? unknown(path, rest, leaf);
    if (said !== undefined) warnings.push(said);
  }
  return [...new Set(warnings)];
}

function old(tree: Node, key: string, leaf: Leaf): string | undefined {
  const now = legacyKey(key);
  if (now === undefined) return undefined;
  if (now === '')
    return `${key} is a key of REX-Ray 0.3 that means nothing any more: leave it out (${leaf.place.where}).`;
  if (overruled(tree, now))
    return `${key} is a key of REX-Ray 0.3 and has no effect, because ${now} is written too: leave it out (${leaf.place.where}).`;
  return `${key} is a key of REX-Ray 0.3: write ${now} (${leaf.place.where}).`;
}

function unknown(path: readonly string[], rest: readonly string[], leaf: Leaf): string | undefined {
  const [first, second, , own] = path.map((p) => p.toLowerCase());
  if (first === 'rexray' && second === 'modules' && rest.length === path.length) {
    // A front end's own setting, which its schema checks; but a slip in ours is caught here.
    const near = own === undefined ? [] : nearest(own, MODULE_KEYS);
    return near[0] === undefined
      ? undefined
      : `${path.join('.')} is not known: did you mean ${near[0]}? (${leaf.place.where})`;
  }
  const near = nearest(rest.join('.'), ALL)[0];
  return `${path.join('.')} is not known and has no effect${near === undefined ? '' : `: did you mean ${near}?`} (${leaf.place.where})`.replace(
    /([^?])( \([^)]*\))$/,
    '$1$2.',
  );
}

/** A path without the scope it is written in: what is left is a key that could stand at the root. */
function unscoped(path: readonly string[]): readonly string[] {
  const low = path.map((p) => p.toLowerCase());
  const starts = (...parts: string[]): boolean => parts.every((p, i) => low[i] === p);
  if (keySpec(low.join('.')) !== undefined) return path;
  if (starts('libstorage', 'server', 'services') && path.length > 4) return inService(path.slice(4));
  if (starts('rexray', 'modules') && ['libstorage', 'rexray', 'linux'].includes(low[3] ?? ''))
    return unscoped(path.slice(3));
  if (starts('rexray', 'modules')) return path;
  if (starts('rexray', 'cli') || starts('rexray', 'agent')) return unscoped(path.slice(2));
  if (starts('libstorage', 'server', 'libstorage') || starts('libstorage', 'client', 'libstorage'))
    return unscoped(path.slice(2));
  if (starts('rexray') && (legacyKey(low.join('.')) === undefined || low[1] === 'libstorage'))
    return path.length > 2 && !startsKnown(low) ? unscoped(path.slice(1)) : path;
  return path;
}

/** `rexray.node.idd` is a slip in `rexray.node`, not a key `node.idd` in the scope `rexray`. */
const startsKnown = (low: readonly string[]): boolean =>
  ALL.some((k) => k.toLowerCase().startsWith(`${low.slice(0, 2).join('.')}.`));

function inService(rest: readonly string[]): readonly string[] {
  for (const head of [[], ['libstorage'], ['libstorage', 'server']]) {
    if (keySpec([...head, ...rest].join('.')) !== undefined) return [...head, ...rest];
  }
  return rest;
}

/** Keys in the sections of loaded drivers that their schemas do not have; and sections of drivers that are not installed. */
export function driverWarnings(
  tree: Node,
  definitions: readonly StorageDefinition[],
  installed?: readonly string[],
): readonly string[] {
  const known = new Map<string, { readonly name: string; readonly schema: JsonSchema }>();
  for (const d of definitions)
    for (const s of sectionNames(d.name.toLowerCase(), d.aliases)) known.set(s, { name: d.name, schema: schemaOf(d) });
  const absent = new Set<string>();
  const warnings: string[] = [];
  for (const { path, leaf } of leaves(tree)) {
    const [section = '', ...key] = unscoped(path).map((p, i) => (i === 0 ? p.toLowerCase() : p));
    const driver = known.get(section);
    if (driver !== undefined && leaf.value !== null) {
      const near = lacking(section, driver.schema, key);
      if (near !== undefined)
        warnings.push(
          `${path.join('.')}: driver ${driver.name} has no setting "${key.join('.')}"${near[0] === undefined ? '' : `: did you mean ${near[0]}?`} (${leaf.place.where})`,
        );
    } else if (REXRAY_DRIVERS.includes(section) || OUR_DRIVERS.includes(section)) absent.add(section);
  }
  if (installed !== undefined)
    for (const s of absent)
      if (!sectionNames(s).some((n) => installed.includes(n)) && !installed.some((i) => sectionNames(i).includes(s)))
        warnings.push(`The section ${s} has no effect: driver "${s}" is not installed.`);
  return [...new Set(warnings)];
}

/** Near names of a key that the schema lacks; undefined when it has it, or takes any. */
function lacking(section: string, schema: JsonSchema, key: readonly string[]): readonly string[] | undefined {
  const properties = Object.entries(propertiesOf(schema));
  const [head, ...rest] = key;
  if (head === undefined || properties.length === 0) return undefined;
  const hit = properties.find(([name]) => namesIn(section, name).some((n) => n.toLowerCase() === head.toLowerCase()));
  if (hit !== undefined) return lacking('', hit[1], rest);
  return schema.additionalProperties === true
    ? undefined
    : nearest(
        head,
        properties.map(([n]) => n),
      );
}
