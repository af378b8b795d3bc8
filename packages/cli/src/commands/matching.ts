/** Which volumes the words of a command line mean: by id, by name, by the beginning of one, by `/regex/`, as in REX-Ray. */
import { isVolumeError, notFound, type Volume, VolumeError } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { type Context, callOf } from '../context.ts';
import { usage } from '../failure.ts';

/** Flags by which REX-Ray 0.3 named a volume. */
export interface OldNames {
  readonly volumeName?: string;
  readonly volumeID?: string;
}

/** Words and old flags together. @throws VolumeError `invalid` where there is none */
export function wordsWith(words: readonly string[], o: OldNames): readonly string[] {
  const all = [...words, ...[o.volumeName, o.volumeID].filter((x) => x !== undefined)];
  if (all.length > 0) return all;
  throw usage('A volume is missing.', 'Name one or several; "rexray volume ls" shows what there is.');
}

type Named = Pick<Volume, 'id' | 'name'>;

/** Every volume of the service, page by page. */
export async function everyVolume(c: Context): Promise<readonly Volume[]> {
  const all: Volume[] = [];
  let cursor: string | undefined;
  do {
    const page = await c.integration.list({ ...callOf(c), ...(cursor !== undefined && { cursor }) });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

const lower = (s: string): string => s.toLowerCase();
/** How a word may fit a volume, the surest first. */
const FITS: readonly ((v: Named, word: string) => boolean)[] = [
  (v, w) => v.id === w || v.name === w,
  (v, w) => lower(v.id) === lower(w) || lower(v.name) === lower(w),
];
const BEGINS: readonly ((v: Named, word: string) => boolean)[] = [
  (v, w) => v.id.startsWith(w) || v.name.startsWith(w),
  (v, w) => lower(v.id).startsWith(lower(w)) || lower(v.name).startsWith(lower(w)),
];

/**
 * Volumes that one word means: the surest kind of fit that has any. A `/regex/` may mean several.
 * @param prefixes the beginning of an id or name counts too
 * @throws VolumeError `invalid` for a `/regex/` that is none
 */
export function fitting<V extends Named>(all: readonly V[], word: string, prefixes: boolean): readonly V[] {
  const regex = /^\/(.*)\/$/s.exec(word)?.[1];
  if (regex !== undefined) {
    const [exact, any] = ['', 'i'].map((flags) => expression(regex, flags));
    const by = (e: RegExp | undefined): readonly V[] => all.filter((v) => e?.test(v.id) === true || e?.test(v.name));
    return by(exact).length > 0 ? by(exact) : by(any);
  }
  for (const fits of [...FITS, ...(prefixes ? BEGINS : [])]) {
    const found = all.filter((v) => fits(v, word));
    if (found.length > 0) return found;
  }
  return [];
}

function expression(text: string, flags: string): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (e) {
    throw usage(`/${text}/ is not a regular expression: ${(e as Error).message}.`, 'Write a name, or /regex/.');
  }
}

/**
 * Names for a verb. What is exactly a name goes on as it is, and costs no listing; the beginning of a name must mean one
 * volume only, and never counts where something is destroyed.
 * @throws VolumeError `not_found` (nothing fits a `/regex/`), `invalid` (several volumes begin so)
 */
export async function namesFor(
  c: Context,
  words: readonly string[],
  kind: 'act' | 'destroy',
): Promise<readonly string[]> {
  const names: string[] = [];
  let all: readonly Volume[] | undefined;
  for (const word of words) {
    const regex = word.startsWith('/');
    if (!regex && (await exists(c, word))) {
      names.push(word);
      continue;
    }
    all ??= await everyVolume(c).catch((e: unknown) => {
      // What the storage cannot list may still be given back by its name.
      if (!regex && isVolumeError(e, 'unavailable', 'busy', 'timeout')) return [];
      throw e;
    });
    names.push(...one(all, word, kind, c.integration.service));
  }
  return [...new Set(names)];
}

function one(all: readonly Volume[], word: string, kind: 'act' | 'destroy', service: string): readonly string[] {
  const found = fitting(all, word, kind === 'act').map((v) => v.name);
  if (word.startsWith('/')) {
    if (found.length > 0) return found;
    throw new VolumeError('not_found', `No volume of service "${service}" fits ${word}.`, {
      details: { what: 'volume' },
    });
  }
  // Two volumes of one name: the storage says so, with both ids.
  if (found.length > 1 && found.every((name) => name === word)) return [word];
  if (found.length <= 1) return found.length === 1 ? found : [word];
  throw usage(
    `"${word}" may mean ${found.length} volumes: ${found.slice(0, 5).join(', ')}${found.length > 5 ? ', …' : ''}.`,
    'Write more of the name, or /regex/ for all of them.',
  );
}

async function exists(c: Context, name: string): Promise<boolean> {
  try {
    await c.integration.get(name, callOf(c));
    return true;
  } catch (e) {
    if (isVolumeError(e, 'not_found', 'invalid')) return false;
    if (isVolumeError(e, 'unavailable', 'busy', 'timeout')) return true;
    throw e;
  }
}

/** Rows of a listing: each word adds what it fits. @throws VolumeError `not_found` for one that fits nothing */
export function listed(all: readonly Volume[], words: readonly string[]): readonly Volume[] {
  if (words.length === 0) return all;
  const wanted = new Set<Volume>();
  for (const word of words) {
    const found = fitting(all, word, true);
    if (found.length === 0)
      throw notFound(
        'Volume',
        word,
        nearest(
          word,
          all.map((v) => v.name),
        ),
      );
    for (const v of found) wanted.add(v);
  }
  return all.filter((v) => wanted.has(v));
}
