/** Imports a plugin's package and checks that it is one that this runtime understands. */
import { pathToFileURL } from 'node:url';
import {
  CORE_VERSION,
  isVolumeError,
  type OtherDefinition,
  PLUGIN_API,
  type PluginKind,
  type StorageDefinition,
  VolumeError,
} from '@rexray/core';
import { KINDS } from './kinds.ts';
import { type ResolvedPlugin, resolvePlugin } from './resolve.ts';
import type { PluginRoots } from './roots.ts';

export type DefinitionOf<K extends PluginKind> = K extends 'storage'
  ? StorageDefinition
  : OtherDefinition<Exclude<K, 'storage'>>;

export interface LoadedPlugin<K extends PluginKind = PluginKind> {
  readonly definition: DefinitionOf<K>;
  readonly package: string;
  readonly version: string;
  readonly path: string;
}

/**
 * Resolves, imports and checks a plugin.
 * @param from the key that named it, for errors
 * @throws VolumeError `invalid` (not installed, no plugin, cannot be loaded), `unsupported` (another interface version), `denied` (S23)
 */
export async function loadPlugin<K extends PluginKind>(
  kind: K,
  name: string,
  roots: PluginRoots,
  from?: string,
): Promise<LoadedPlugin<K>> {
  const found = resolvePlugin(kind, name, roots, from);
  const definition = checkPlugin(kind, await importEntry(found), origin(found));
  const { name: pkg, version } = found.package;
  return { definition, package: pkg, version, path: found.entry };
}

const origin = (p: ResolvedPlugin): string => `${p.package.name} ${p.package.version}, ${p.entry}`;

async function importEntry(found: ResolvedPlugin): Promise<unknown> {
  try {
    return await import(pathToFileURL(found.entry).href);
  } catch (cause) {
    if (isVolumeError(cause)) throw cause;
    throw new VolumeError(
      'invalid',
      `${KINDS[found.kind].word} "${found.name}" (${origin(found)}) could not be loaded: ${firstLine(cause)}.`,
      {
        details: { path: found.entry, expected: 'a module that loads' },
        hint: loadHint(cause),
        cause,
      },
    );
  }
}

const firstLine = (e: unknown): string =>
  (e instanceof Error ? `${e.message.split('\n')[0]}` : String(e)).replace(/\.$/, '');

function loadHint(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `Node ${process.versions.node} does not run TypeScript: build the plugin, or use Node 22.18 or newer.`;
  if (code === 'ERR_MODULE_NOT_FOUND') return 'One of its dependencies is missing: install the plugin again.';
  return 'Install it again, or report it to its author.';
}

/**
 * Reads a module as a plugin of a kind. By data alone: the plugin may have a copy of core of its own.
 * @param where what to name in errors: package, version, file
 */
export function checkPlugin<K extends PluginKind>(kind: K, module: unknown, where: string): DefinitionOf<K> {
  const { word } = KINDS[kind];
  const plugin = definitionIn(module);
  if (plugin === undefined) throw noPlugin(word, where, 'its default export is not what definePlugin returns');
  if (plugin.api !== PLUGIN_API) throw otherApi(word, plugin, where);
  if (plugin.kind !== kind)
    throw noPlugin(
      word,
      where,
      `it is a ${KINDS[plugin.kind as PluginKind]?.word ?? String(plugin.kind)}, "${String(plugin.name)}"`,
    );
  const lacks = lacking(kind, plugin);
  if (lacks !== undefined) throw noPlugin(word, where, `it has no ${lacks}`);
  return plugin as unknown as DefinitionOf<K>;
}

type Raw = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is Raw => (typeof x === 'object' || typeof x === 'function') && x !== null;

/** The default export's `plugin`; a CommonJS build nests the default once more. */
function definitionIn(module: unknown): Raw | undefined {
  const exported = isObject(module) ? module.default : undefined;
  for (const candidate of [exported, isObject(exported) ? exported.default : undefined]) {
    if (isObject(candidate) && isObject(candidate.plugin) && 'kind' in candidate.plugin) return candidate.plugin;
  }
  return undefined;
}

function lacking(kind: PluginKind, p: Raw): string | undefined {
  if (typeof p.name !== 'string') return 'name';
  for (const field of kind === 'storage' ? ['config', 'params'] : ['config']) {
    const standard = isObject(p[field]) ? p[field]['~standard'] : undefined;
    if (!isObject(standard) || typeof standard.validate !== 'function' || !isObject(standard.jsonSchema))
      return `${field} schema`;
  }
  if (!Array.isArray(p.deps)) return 'deps';
  const made = kind === 'storage' ? 'driver' : 'create';
  return typeof p[made] === 'function' ? undefined : `${made} class`;
}

const noPlugin = (word: string, where: string, why: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `${where} is not a ${word}: ${why}.`, {
    details: { path: where, expected: `export default definePlugin({ … }) of a ${word}` },
    hint: 'See docs/drivers.md: a plugin has one default export, made with definePlugin.',
  });

function otherApi(word: string, p: Raw, where: string): VolumeError<'unsupported'> {
  const [theirs, core] = [String(p.api), String(p.core)];
  const newer = typeof p.api === 'number' && p.api > PLUGIN_API;
  return new VolumeError(
    'unsupported',
    `${word} "${String(p.name)}" (${where}) was built for plugin interface ${theirs} (core ${core}); this runtime has ${PLUGIN_API} (core ${CORE_VERSION}).`,
    {
      details: { missing: `plugin interface ${theirs}` },
      hint: newer
        ? 'Update @rexray/runtime, or install an older version of the plugin.'
        : 'Install a newer version of the plugin.',
    },
  );
}
