/** Where plugins are looked for. */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EffectiveConfig } from '../config/effective.ts';
import { programDir } from '../config/places.ts';

export interface PluginRoots {
  /** In order; relative imports start here. */
  readonly dirs: readonly string[];
  /** `<lib>/plugins`, for the command that installs there. */
  readonly plugins: string;
  /** Directory of the main module. */
  readonly program: string | undefined;
  readonly cwd: string;
  readonly root: boolean;
}
export interface RootsOptions {
  readonly cwd?: string | undefined;
  readonly root?: boolean | undefined;
  readonly programDir?: string | undefined;
}

/**
 * The directories of the configuration files, the program's own (and this package's, which brings its host and store),
 * `<lib>/plugins`, and the working directory unless root (S23: what root runs does not depend on where it was started).
 */
export function pluginRoots(config: Pick<EffectiveConfig, 'files' | 'paths'>, o: RootsOptions = {}): PluginRoots {
  const root = o.root ?? process.geteuid?.() === 0;
  const cwd = o.cwd ?? process.cwd();
  const program = o.programDir ?? programDir(process.argv[1], realpathSync);
  const own = dirname(fileURLToPath(import.meta.url));
  const dirs = [
    ...config.files.toReversed().map((f) => dirname(f)),
    ...(program === undefined ? [] : [program]),
    own,
    config.paths.plugins,
    ...(root ? [] : [cwd]),
  ];
  return { dirs: [...new Set(dirs)], plugins: config.paths.plugins, program, cwd, root };
}
