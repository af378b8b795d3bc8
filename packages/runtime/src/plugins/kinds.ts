import type { PluginKind } from '@rexray/core';
import { OUR_DRIVERS, REXRAY_DRIVERS } from '../config/aliases.ts';

/** How a kind of plugin is called in package names and in messages. */
export interface KindNames {
  /** `@rexray/<prefix>-<name>`, `rexray-<prefix>-<name>`. */
  readonly prefix: string;
  readonly word: string;
  /** Names that this project publishes. */
  readonly ours: readonly string[];
  /** Other names that somebody may have meant. */
  readonly known: readonly string[];
}

export const KINDS: Readonly<Record<PluginKind, KindNames>> = {
  storage: { prefix: 'driver', word: 'driver', ours: OUR_DRIVERS, known: REXRAY_DRIVERS },
  host: { prefix: 'host', word: 'host driver', ours: ['linux'], known: [] },
  store: { prefix: 'store', word: 'store', ours: ['lmdb'], known: [] },
  layer: { prefix: 'layer', word: 'layer', ours: [], known: [] },
  frontend: { prefix: 'frontend', word: 'front end', ours: ['docker', 'rest'], known: [] },
};

const PACKAGE = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
/** A name that can stand in a path below node_modules: npm's rule, so no `..` and no separator but that of a scope. */
export const isPackageName = (name: string): boolean => PACKAGE.test(name) && name.length <= 214;

/** Packages that may bring a plugin, in order. The last is the name itself: then it is a whole package name. */
export function packagesFor(kind: PluginKind, name: string): readonly string[] {
  const { prefix } = KINDS[kind];
  const scoped = name.startsWith('@');
  return [...(scoped ? [] : [`@rexray/${prefix}-${name}`, `rexray-${prefix}-${name}`]), name].filter(isPackageName);
}

/** The name of a plugin in a configuration, from that of its package. */
export function nameIn(kind: PluginKind, pkg: string): string | undefined {
  const { prefix } = KINDS[kind];
  return [`@rexray/${prefix}-`, `rexray-${prefix}-`]
    .filter((p) => pkg.startsWith(p))
    .map((p) => pkg.slice(p.length))[0];
}
