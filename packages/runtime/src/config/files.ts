/** Which files a configuration is read from, and their order. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ServiceSpec } from '@rexray/core';
import { findOwn, readOwn, readText } from './own-file.ts';
import type { Paths } from './places.ts';
import { emptyTree, merge, type Node } from './tree.ts';
import { distrust } from './trust.ts';
import { parseYaml } from './yaml.ts';

export interface FileSet {
  readonly tree: Node;
  readonly specs: ReadonlyMap<string, ServiceSpec>;
  readonly home?: string;
  /** Lowest first. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}
export interface FileOptions {
  readonly paths: Paths;
  readonly root: boolean;
  readonly cwd: string;
  /** Directory of the main module, where root's own file may stand (S23). */
  readonly program: string | undefined;
  /** `-c FILE`: this one instead of all others. */
  readonly file?: string | undefined;
  /** The directory for our own file; false = look for none. */
  readonly own?: boolean;
}

/** REX-Ray's names: the first that exists in either place wins, and there the user's file goes over the global one. */
export const OPERATOR_NAMES = ['rexray.yml', 'config.yml'] as const;

export function operatorFiles(paths: Paths): readonly string[] {
  for (const name of OPERATOR_NAMES) {
    const found = [join(paths.etc, name), join(paths.user, name)].filter((f) => existsSync(f));
    if (found.length > 0) return [...new Set(found)];
  }
  return [];
}

/** Reads them all, lowest first: global, user, our own. @throws VolumeError `invalid`, `denied` */
export async function readFiles(o: FileOptions): Promise<FileSet> {
  if (o.file !== undefined) {
    const file = resolve(o.cwd, o.file);
    const form = await readOwn(file, o.root);
    return { ...form, files: [file], warnings: warn([file], o.root) };
  }
  const files = [...operatorFiles(o.paths)];
  let tree = files.reduce((all, f) => merge(all, parseYaml(readText(f), f)), emptyTree);
  const dir = o.root ? o.program : o.cwd;
  const own = o.own === false || dir === undefined ? undefined : await findOwn(dir, o.root);
  if (own === undefined) return { tree, specs: new Map(), files, warnings: warn(files, o.root) };
  const form = await readOwn(own, o.root);
  tree = merge(tree, form.tree);
  return { ...form, tree, files: [...files, own], warnings: warn([...files, own], o.root) };
}

/** Data is not code, but it says what root mounts and where: worth a word when others can change it. */
const warn = (files: readonly string[], root: boolean): string[] =>
  root
    ? files.flatMap((f) => {
        const found = distrust(f);
        return found === undefined ? [] : [`The configuration file ${f} can be changed by others: ${found}.`];
      })
    : [];
