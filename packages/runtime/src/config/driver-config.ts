/** A driver's own settings, gathered from all sections that may hold them and typed by its schema. */
import type { StorageDefinition } from '@rexray/core';
import { DRIVER_ALIASES, sectionNames } from './aliases.ts';
import { expand } from './expand.ts';
import { type At, type ConfigReader, expands, type Found } from './reader.ts';
import { at, type Node, pathOf, plain } from './tree.ts';
import { parseBool, parseList } from './values.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export const schemaOf = (definition: Pick<StorageDefinition, 'config'>): JsonSchema =>
  definition.config['~standard'].jsonSchema.input();
export const propertiesOf = (schema: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  (schema.properties ?? {}) as Record<string, JsonSchema>;

/** A text that names a place on this host: `format: 'path'` in the schema, or a name that says so. */
export const isPathKey = (key: string, schema: JsonSchema): boolean =>
  schema.format === 'path' ||
  (schema.type === 'string' && schema.format === undefined && /(path|dir|directory|root|file)$/i.test(key));

/**
 * Settings of a service's driver, as its schema names them: what nobody set is absent, so that the schema's defaults apply.
 * Order: the driver's own section before those of its aliases; in each, override, flag, service, environment, general.
 */
export function driverConfig(
  reader: ConfigReader,
  service: string,
  definition: StorageDefinition,
): Record<string, unknown> {
  const sections = sectionNames(definition.name.toLowerCase(), definition.aliases);
  const where = { service };
  const found: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(propertiesOf(schemaOf(definition)))) {
    const value = firstValue(reader, sections, key, schema, where);
    if (value !== undefined) found[key] = value;
  }
  return found;
}

function firstValue(
  reader: ConfigReader,
  sections: readonly string[],
  key: string,
  schema: JsonSchema,
  where: At,
): unknown {
  for (const section of sections) {
    for (const name of namesIn(section, key)) {
      const value = settingOf(reader, `${section}.${name}`, schema, where);
      if (value !== undefined) return value;
    }
  }
  return undefined;
}

/** A key's names in a section: its own, and what the section called it. */
export function namesIn(section: string, key: string): readonly string[] {
  const renamed = Object.entries(DRIVER_ALIASES[section]?.keys ?? {}).find(([, now]) => now === key)?.[0];
  return renamed === undefined ? [key] : [key, renamed];
}

function settingOf(reader: ConfigReader, key: string, schema: JsonSchema, where: At): unknown {
  const inner = Object.entries(propertiesOf(schema));
  if (inner.length > 0) {
    const found = inner
      .map(([k, s]) => [k, settingOf(reader, `${key}.${k}`, s, where)] as const)
      .filter(([, v]) => v !== undefined);
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  }
  const hit = reader.find(key, where);
  return hit === undefined ? mapOf(reader, key, schema, where) : convert(reader, key, schema, hit);
}

/** A setting that is itself a map with free keys (labels). */
function mapOf(reader: ConfigReader, key: string, schema: JsonSchema, { service }: At): unknown {
  if (schema.type !== 'object') return undefined;
  const places: Node[] = [reader.sources.overrides, reader.sources.flags, reader.sources.files];
  const scopes =
    service === undefined
      ? [[]]
      : [['libstorage', 'server', 'services', service], ['libstorage', 'server'], ['rexray'], []];
  for (const tree of places) {
    for (const scope of scopes) {
      const node = at(tree, [...scope, ...pathOf(key)]);
      if (node !== undefined && node.children.size > 0) return plain(node);
    }
  }
  return undefined;
}

/** Texts of files and environment become what the schema asks for; what does not fit is left for the schema to refuse. */
function convert(reader: ConfigReader, key: string, schema: JsonSchema, hit: Found): unknown {
  const { value } = hit;
  if (schema.type === 'boolean') return parseBool(value) ?? value;
  if (schema.type === 'array') return parseList(value) ?? value;
  if (typeof value !== 'string') return value;
  return expands(hit) && isPathKey(key, schema) ? expand(value, reader.sources.env, { key, place: hit.place }) : value;
}
