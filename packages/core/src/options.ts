/** From string options, as Docker, Mesos and dvdcli pass them, to {@link CreateOptions}. */
import type { CreateOptions } from './api.ts';
import { VolumeError } from './errors.ts';
import { nearest } from './nearest.ts';
import type { OptionPair } from './options/split.ts';
import { type Draft, OPTIONS, type OptionRow } from './options/table.ts';

export { joinOptionString, type OptionPair, splitOptionString } from './options/split.ts';
export { OPTIONS, type OptionRow } from './options/table.ts';

/** What string options can say: {@link CreateOptions} without what belongs to the call. */
export type StringOptions = Omit<
  CreateOptions<Record<string, unknown>>,
  'signal' | 'timeoutMs' | 'requestId' | 'onProgress'
>;

interface Given {
  readonly row: OptionRow;
  /** As it was written. */
  readonly key: string;
  readonly value: string;
}

/**
 * Reads string options; keys in any case. Keys that are not in {@link OPTIONS} belong to the driver when its schema of
 * per-volume options has them (in any case, else exactly); their values stay strings for that schema to convert.
 * REX-Ray took unknown keys and unparsable values in silence; here both are errors, since a typo would otherwise make
 * the wrong volume.
 * @param options a record (Docker), or pairs ({@link splitOptionString}), where a key may come twice
 * @param o.params JSON Schema of the driver's per-volume options
 * @throws VolumeError `invalid`, `path` being the key as written
 */
export function parseOptions(
  options: Readonly<Record<string, string>> | readonly OptionPair[],
  o: { readonly params?: Readonly<Record<string, unknown>> } = {},
): StringOptions {
  const pairs = isPairs(options) ? options : Object.entries(options);
  const draft: Draft = { hints: {}, owner: {}, labels: {}, mkfs: {}, params: {} };
  const given = new Map<string, Given[]>();
  for (const [key, value] of pairs) {
    const row = rowOf(key);
    if (row === undefined) putParam(draft, key, value, o.params);
    else given.set(identity(row, key), [...(given.get(identity(row, key)) ?? []), { row, key, value }]);
  }
  for (const same of given.values()) for (const g of chosen(same)) g.row.put(draft, g.value, g.key);
  assertOneSource([...given.values()].flat(), draft);
  return finished(draft);
}

const isPairs = (x: Readonly<Record<string, string>> | readonly OptionPair[]): x is readonly OptionPair[] =>
  Array.isArray(x);

const byName = (rows: readonly OptionRow[]): ReadonlyMap<string, OptionRow> =>
  new Map(rows.flatMap((row) => [row.name, ...row.aliases].map((name) => [name.toLowerCase(), row] as const)));
// Pure, so that a bundle that only splits strings leaves the table out.
const ROWS = /* @__PURE__ */ byName(OPTIONS);

function rowOf(key: string): OptionRow | undefined {
  const lower = key.toLowerCase();
  const dot = lower.indexOf('.') + 1;
  return ROWS.get(dot > 0 && dot < lower.length ? lower.slice(0, dot) : lower);
}

/** Members of a family are options of their own; a name in it keeps its case. */
const identity = (row: OptionRow, key: string): string =>
  row.name.endsWith('.') ? row.name + key.slice(row.name.length) : row.name;

/** One of several spellings; the same thing said twice is fine, two different things are not. */
function chosen(same: readonly Given[]): readonly Given[] {
  const [first] = same;
  if (first === undefined || first.row.repeats || same.length === 1) return same;
  if (first.row.firstWins) {
    const rank = ({ row, key }: Given): number =>
      [row.name, ...row.aliases].findIndex((n) => n.toLowerCase() === key.toLowerCase());
    const best = Math.min(...same.map(rank));
    return chosenOnce(same.filter((g) => rank(g) === best));
  }
  return chosenOnce(same);
}

function chosenOnce(same: readonly Given[]): readonly Given[] {
  const [first, ...others] = same;
  const other = others.find((g) => g.value !== first?.value);
  if (first === undefined || other === undefined) return same.slice(0, 1);
  throw conflict(first, other, 'give it once');
}

function conflict(a: Given, b: Given, hint: string): VolumeError<'invalid'> {
  const shown = ({ row, key, value }: Given): string => (row.secret ? key : `${key}=${value}`);
  return new VolumeError('invalid', `Options ${shown(a)} and ${shown(b)} contradict each other: ${hint}.`, {
    details: { path: b.key, expected: hint },
  });
}

/** One source; and S3: consent to format goes with an empty volume only, never with a copy of somebody's data. */
function assertOneSource(given: readonly Given[], draft: Draft): void {
  const [first, second] = given.filter((g) => g.row.group === 'copy');
  if (first === undefined) return;
  if (second !== undefined && second.row !== first.row) throw conflict(first, second, 'name one source');
  const consent = given.find((g) => g.row.name === 'overwriteFs');
  if (consent !== undefined && draft.overwriteFs === true) {
    throw conflict(first, consent, 'what is copied brings its file system, which is not to be overwritten');
  }
}

function putParam(
  draft: Draft,
  key: string,
  value: string,
  schema: Readonly<Record<string, unknown>> | undefined,
): void {
  const known = Object.keys((schema?.properties ?? {}) as object);
  const inAnyCase = known.filter((k) => k.toLowerCase() === key.toLowerCase());
  const name = known.includes(key) ? key : inAnyCase.length === 1 ? inAnyCase[0] : undefined;
  if (name === undefined) throw unknown(key, known);
  if (Object.hasOwn(draft.params, name) && draft.params[name] !== value) {
    throw new VolumeError('invalid', `Option ${key} is given twice, with different values.`, {
      details: { path: key },
    });
  }
  draft.params[name] = value;
}

function unknown(key: string, params: readonly string[]): VolumeError<'invalid'> {
  const names = [...OPTIONS.flatMap((r) => [r.name, ...r.aliases]), ...params].map((n) =>
    n.endsWith('.') ? `${n}<name>` : n,
  );
  const near = nearest(key, names);
  const what = key === '' ? 'An option has no name' : `Option ${JSON.stringify(key)} is not known`;
  return new VolumeError('invalid', `${what}.`, {
    details: { path: key, expected: names.join(', ') },
    hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Known: ${names.join(', ')}.`,
  });
}

function finished(d: Draft): StringOptions {
  const { hints, owner, labels, mkfs, params, ...plain } = d;
  const filled = Object.entries({ hints, owner, labels, mkfs, params }).filter(([, v]) => Object.keys(v).length > 0);
  return { ...plain, ...(Object.fromEntries(filled) as Partial<StringOptions>) };
}
