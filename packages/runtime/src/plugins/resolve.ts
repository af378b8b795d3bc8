/** A plugin's name to the package that brings it; loads nothing. */
import { sep } from 'node:path';
import { type PluginKind, VolumeError } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { driverName } from '../config/aliases.ts';
import { assertTrusted } from '../config/trust.ts';
import { isPackageName, KINDS, nameIn, packagesFor } from './kinds.ts';
import { entryOf, findPackage, type InstalledPackage, nodeModulesOf, packagesIn } from './packages.ts';
import type { PluginRoots } from './roots.ts';

export interface ResolvedPlugin {
  readonly kind: PluginKind;
  /** Name in the configuration, aliases resolved. */
  readonly name: string;
  readonly package: InstalledPackage;
  /** The file to import. */
  readonly entry: string;
}

/** An installed plugin, for listings and messages. */
export interface InstalledPlugin {
  readonly kind: PluginKind;
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly path: string;
}

/**
 * Finds the package of a plugin: `@rexray/<kind>-<name>`, `rexray-<kind>-<name>`, then a whole package name, each in all places.
 * @param from the key that named it, for the error
 * @throws VolumeError `invalid` when it is not installed (with the installed ones and the command that installs it) or
 * has nothing to import; `denied` (S23) when root would run what others can change
 */
export function resolvePlugin(kind: PluginKind, written: string, roots: PluginRoots, from?: string): ResolvedPlugin {
  const name = kind === 'storage' ? driverName(written) : written.trim().toLowerCase();
  for (const candidate of packagesFor(kind, name)) {
    for (const dir of roots.dirs) {
      const pkg = findPackage(candidate, dir);
      // A word that is no plugin's (`ebs`) may be the name of somebody's package: it is not run to find out.
      if (pkg === undefined || (candidate === name && !claims(kind, pkg))) continue;
      return finish(kind, name, pkg, roots);
    }
  }
  throw missing(kind, name, roots, from);
}

const claims = (kind: PluginKind, { manifest }: InstalledPackage): boolean =>
  manifest.keywords?.includes(`rexray-${KINDS[kind].prefix}`) === true ||
  '@rexray/core' in { ...manifest.dependencies, ...manifest.peerDependencies };

function finish(kind: PluginKind, name: string, pkg: InstalledPackage, roots: PluginRoots): ResolvedPlugin {
  const entry = entryOf(pkg);
  const { word } = KINDS[kind];
  if (entry === undefined) {
    throw new VolumeError(
      'invalid',
      `The package of ${word} "${name}", ${pkg.name} ${pkg.version} in ${pkg.dir}, has nothing to import.`,
      {
        details: { path: pkg.dir, expected: '"exports" with a "default" (or "import") entry whose file exists' },
        hint: 'Install it again; its author must build it before packing and name the file in "exports".',
      },
    );
  }
  assertTrusted(entry, `The ${word}`, roots.root);
  return { kind, name, package: pkg, entry };
}

function missing(kind: PluginKind, name: string, roots: PluginRoots, from: string | undefined): VolumeError<'invalid'> {
  const { word, ours, known, prefix } = KINDS[kind];
  const installed = listInstalled(roots, kind);
  const found = installed.map((p) => `${p.name} ${p.version}`).join(', ') || 'none';
  const near = nearest(name, [...new Set([...installed.map((p) => p.name), ...ours, ...known])]).filter(
    (n) => n !== name,
  );
  const install = `Run: ${installCommand(`@rexray/${prefix}-${name}`, roots)}`;
  const others = isPackageName(name) && !name.startsWith('@') ? `rexray-${prefix}-${name}` : name;
  const other = `No package of this project brings it. Install one that does, such as ${others}: ${installCommand(others, roots)}`;
  const meant = near.length > 0 ? `Did you mean ${near.slice(0, 2).join(' or ')}? ` : '';
  return new VolumeError('invalid', `${word} "${name}" is not installed; found: ${found}.`, {
    details: { path: from ?? word, value: name, expected: `an installed ${word}: ${found}` },
    hint: ours.includes(name) ? install : `${meant}${other}`,
  });
}

/** The npm command that installs a package where this program will find it. */
export function installCommand(pkg: string, roots: PluginRoots): string {
  const { program, cwd, plugins } = roots;
  if (program?.includes(`${sep}lib${sep}node_modules${sep}`)) return `npm i -g ${pkg}`;
  // A project that has the program in its own node_modules, or is the program.
  if (program !== undefined && `${program}${sep}`.startsWith(`${cwd}${sep}`)) return `npm i ${pkg}`;
  return `npm i --prefix ${plugins} ${pkg}`;
}

/** Installed plugins by the names of their packages, in the order in which they would be found; the first of a name counts. */
export function listInstalled(roots: PluginRoots, kind?: PluginKind): readonly InstalledPlugin[] {
  const kinds = kind === undefined ? (Object.keys(KINDS) as PluginKind[]) : [kind];
  const seen = new Map<string, InstalledPlugin>();
  for (const modules of new Set(roots.dirs.flatMap(nodeModulesOf))) {
    for (const k of kinds) {
      for (const pkg of packagesIn(modules, (n) => nameIn(k, n) !== undefined)) {
        const name = nameIn(k, pkg.name) ?? pkg.name;
        const key = `${k} ${name}`;
        if (!seen.has(key)) seen.set(key, { kind: k, name, package: pkg.name, version: pkg.version, path: pkg.dir });
      }
    }
  }
  return [...seen.values()].sort((a, b) => a.name.localeCompare(b.name));
}
