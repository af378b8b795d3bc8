/** The door of this room: a configuration from files, or from a value. */
import { realpathSync } from 'node:fs';
import { type EffectiveConfig, effective } from './effective.ts';
import { type Env, readEnvironment } from './environment.ts';
import { readForm } from './form.ts';
import { legacyTree } from './legacy.ts';
import { placesOf, programDir } from './places.ts';
import { ConfigReader } from './reader.ts';
import { merge, treeOf } from './tree.ts';

/** Where a configuration is read from; every field has the process's own as default. */
export interface LoadOptions {
  /** `-c FILE`: this file instead of the operator's, the user's and our own. */
  readonly config?: string | undefined;
  /** By key, any case (`{ 'libstorage.service': 'ebs' }`): over everything. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /** The same from the command line: over everything but `overrides`. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
  readonly env?: Env | undefined;
  /** Default /etc/environment; false = none. */
  readonly environmentFile?: string | false | undefined;
  readonly cwd?: string | undefined;
  /** Default: the effective uid is 0. */
  readonly root?: boolean | undefined;
  /** Directory of the main module, default of `process.argv[1]`. */
  readonly programDir?: string | undefined;
  /** Scope of the program that comes before `rexray`: `rexray.cli`. */
  readonly program?: string | undefined;
}

interface Surroundings {
  readonly env: Env;
  readonly cwd: string;
  readonly root: boolean;
  readonly program: string | undefined;
}

const surroundings = (o: LoadOptions): Surroundings => ({
  env: readEnvironment(o.env ?? process.env, o.environmentFile ?? '/etc/environment'),
  cwd: o.cwd ?? process.cwd(),
  root: o.root ?? process.geteuid?.() === 0,
  program: o.programDir ?? programDir(process.argv[1], realpathSync),
});

const trees = (o: LoadOptions): { overrides: ReturnType<typeof treeOf>; flags: ReturnType<typeof treeOf> } => ({
  overrides: treeOf(o.overrides ?? {}, { where: 'override' }),
  flags: treeOf(o.flags ?? {}, { where: 'command line' }),
});

/**
 * Reads REX-Ray's operator files (and our own), environment, flags and overrides.
 * @throws VolumeError `invalid` (with file, line, key, value, what is expected), `denied` (S23)
 */
export async function loadConfig(o: LoadOptions = {}): Promise<EffectiveConfig> {
  const s = surroundings(o);
  const first = placesOf(s);
  // Only here: a configuration by value needs no YAML.
  const { readFiles } = await import('./files.ts');
  const found = await readFiles({ paths: first, root: s.root, cwd: s.cwd, program: s.program, file: o.config });
  // Below the rest: a present key that was written wins over one of 0.3, in whichever file each stands.
  const files = merge(legacyTree(found.tree), found.tree);
  const reader = new ConfigReader({ ...trees(o), env: s.env, files, cwd: s.cwd, program: o.program });
  const paths = found.home === undefined ? first : placesOf({ ...s, home: found.home });
  return effective({
    reader,
    paths,
    specs: found.specs,
    files: found.files,
    warnings: found.warnings,
    written: found.tree,
  });
}

/**
 * A configuration by value: nothing else is read, so that what an operator of the machine configured for its daemon does
 * not change a program that says what it wants. Only REXRAY_HOME and its parts still say where things are.
 */
export function configOf(value: unknown, o: Omit<LoadOptions, 'config'> = {}): EffectiveConfig {
  const s = surroundings({ environmentFile: false, ...o });
  const form = readForm(value, { where: 'the value given to openRexray' });
  const env = Object.fromEntries(
    Object.entries(s.env).filter(([k]) => k === 'HOME' || /^(REXRAY|LIBSTORAGE)_HOME/.test(k)),
  );
  const reader = new ConfigReader({ ...trees(o), env, files: form.tree, cwd: s.cwd });
  const paths = placesOf({ ...s, home: form.home });
  return effective({ reader, paths, specs: form.specs, files: [], warnings: [], keepCase: true });
}
