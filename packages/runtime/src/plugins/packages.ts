/** Packages on disk: where one is installed as seen from a directory, and which file an `import` of it is. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';

export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly main?: string;
  readonly exports?: unknown;
  readonly keywords?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Symbolic links resolved. */
  readonly dir: string;
  readonly manifest: Manifest;
}

/**
 * Conditions of `exports`. Run from its sources, the workspace resolves its siblings to theirs: only then, since installed
 * packages must not be loaded as TypeScript.
 */
const CONDITIONS = new Set([
  'node',
  'import',
  'default',
  'module-sync',
  ...(import.meta.url.endsWith('.ts') ? ['@rexray/source'] : []),
]);

export function readManifest(dir: string): Manifest | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    return typeof manifest === 'object' && manifest !== null ? manifest : undefined;
  } catch {
    return undefined; // Absent, unreadable or not JSON: not a package.
  }
}

/** `node_modules` of a directory and of all above it, nearest first, as Node looks. */
export function nodeModulesOf(from: string): readonly string[] {
  const dirs: string[] = [];
  for (let dir = resolve(from); ; dir = dirname(dir)) {
    if (basename(dir) !== 'node_modules') dirs.push(join(dir, 'node_modules'));
    if (dirname(dir) === dir) return dirs;
  }
}

/** The package as Node would find it from a directory; also the one that the directory belongs to (a plugin's own project). */
export function findPackage(name: string, from: string): InstalledPackage | undefined {
  const own = ownPackage(from);
  if (own?.name === name) return own;
  for (const modules of nodeModulesOf(from)) {
    const found = packageAt(join(modules, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

function ownPackage(from: string): InstalledPackage | undefined {
  for (let dir = resolve(from); dirname(dir) !== dir; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json'))) return packageAt(dir);
  }
  return undefined;
}

function packageAt(path: string): InstalledPackage | undefined {
  const manifest = readManifest(path);
  if (manifest === undefined) return undefined;
  return {
    name: manifest.name ?? basename(path),
    version: manifest.version ?? '0.0.0',
    dir: realpathSync(path),
    manifest,
  };
}

/** Names of the packages in a `node_modules`, of which `wanted` says yes. */
export function packagesIn(modules: string, wanted: (name: string) => boolean): readonly InstalledPackage[] {
  const names = list(modules).flatMap((n) => (n === '@rexray' ? list(join(modules, n)).map((m) => `${n}/${m}`) : [n]));
  return names.filter(wanted).flatMap((name) => packageAt(join(modules, name)) ?? []);
}
const list = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
};

/** The file that `import` of a package loads; undefined when its `exports` have no entry for it, or the file is not there. */
export function entryOf(pkg: InstalledPackage): string | undefined {
  const { exports, main } = pkg.manifest;
  const target =
    exports === undefined || exports === null
      ? (main ?? 'index.js')
      : targetOf(isSubpaths(exports) ? exports['.'] : exports);
  if (target === undefined) return undefined;
  const file = resolve(pkg.dir, target);
  return file.startsWith(pkg.dir + sep) && existsSync(file) ? file : undefined;
}

const isSubpaths = (exports: unknown): exports is Record<string, unknown> =>
  typeof exports === 'object' && exports !== null && Object.keys(exports).some((k) => k.startsWith('.'));

/** The first condition that holds, as Node reads them: in the order of the package. */
function targetOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (Array.isArray(exports)) return exports.map(targetOf).find((t) => t !== undefined);
  if (typeof exports !== 'object' || exports === null) return undefined;
  for (const [condition, value] of Object.entries(exports)) {
    const target = CONDITIONS.has(condition) ? targetOf(value) : undefined;
    if (target !== undefined) return target;
  }
  return undefined;
}
