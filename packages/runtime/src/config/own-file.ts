/** Our own file, `rexray.config.{ts,js,mjs,json,yaml,yml}`: found through cosmiconfig, read by own loaders. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isVolumeError, VolumeError } from '@rexray/core';
import { type Form, formOf, readForm } from './form.ts';
import { invalid } from './invalid.ts';
import { assertTrusted } from './trust.ts';
import { parseYaml } from './yaml.ts';

export const OWN_NAMES = ['ts', 'mjs', 'js', 'json', 'yaml', 'yml'].map((ext) => `rexray.config.${ext}`);
const EXECUTED = new Set(['.ts', '.mts', '.js', '.mjs', '.cjs']);

/** What kind of file a path is: its content is data, or it is run. */
export const isExecuted = (file: string): boolean => EXECUTED.has(extname(file).toLowerCase());

/**
 * Looks for our own file in one directory.
 *
 * Root never goes through cosmiconfig: making an explorer reads, and so *runs*, `.config/config.js` of the working
 * directory (its meta configuration), which S23 forbids. The names are the same, so the answer is the same.
 */
export async function findOwn(dir: string, root: boolean): Promise<string | undefined> {
  if (root) return OWN_NAMES.map((name) => join(dir, name)).find((file) => existsSync(file));
  const { cosmiconfig } = await import('cosmiconfig');
  const found = (filepath: string): { filepath: string } => ({ filepath });
  const loaders = Object.fromEntries(OWN_NAMES.map((name) => [extname(name), found]));
  const explorer = cosmiconfig('rexray', { searchPlaces: OWN_NAMES, searchStrategy: 'none', loaders, cache: false });
  return (await explorer.search(dir))?.filepath;
}

/**
 * Reads one of our files, or one given with `-c`.
 * @throws VolumeError `invalid` (syntax, not a configuration, a file that this Node cannot run), `denied` (S23)
 */
export async function readOwn(file: string, root: boolean): Promise<Form> {
  const place = { file, where: file, literal: isExecuted(file) };
  if (place.literal) {
    assertTrusted(file, 'The configuration', root);
    return readForm(await run(file), place);
  }
  const text = readText(file);
  if (extname(file).toLowerCase() === '.json') return readForm(parseJson(text, file), place);
  return formOf(parseYaml(text, file));
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new VolumeError('invalid', `The configuration file ${file} ${why}.`, {
      details: { path: file, expected: 'a file that can be read' },
      hint:
        code === 'ENOENT'
          ? 'Name a file that exists, or none: then the files of the operator are read.'
          : 'Name a file that this process may read.',
      cause,
    });
  }
}

async function run(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return module.default;
  } catch (cause) {
    if (isVolumeError(cause)) throw cause;
    throw runError(file, cause);
  }
}

/** Why a file could not be run, and what to do. */
export function runError(file: string, cause: unknown): VolumeError<'invalid'> {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return new VolumeError(
      'invalid',
      `${file} is TypeScript, which Node ${process.versions.node} cannot run by itself.`,
      {
        details: { path: file, expected: 'Node 22.18 or newer for a TypeScript configuration' },
        hint: 'Use Node 22.18 or newer, or rename it to rexray.config.mjs and leave the types out.',
        cause,
      },
    );
  }
  return new VolumeError(
    'invalid',
    `The configuration ${file} could not be run: ${(cause instanceof Error ? cause.message : String(cause)).replace(/\.?$/, '.')}`,
    {
      details: { path: file, expected: 'a module whose default export is a configuration' },
      hint: `It is run as an ES module from ${dirname(file)}: check its imports.`,
      cause,
    },
  );
}

/** JSON.parse quotes the text around an error, which may be a secret: only the position is taken from it. */
function parseJson(text: string, file: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (e) {
    const position = /position (\d+)/.exec(e instanceof Error ? e.message : '')?.[1];
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length;
    throw invalid({
      key: file,
      expected: 'valid JSON',
      why: `is not valid JSON${line === undefined ? '' : ` at line ${line}`}`,
      place: { file, where: line === undefined ? file : `${file}:${line}` },
    });
  }
}
