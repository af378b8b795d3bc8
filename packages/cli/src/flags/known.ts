import type { CommandRow, FlagRow, GroupRow } from '../table/row.ts';

export interface KnownFlag {
  /** As the table writes it: `--volumeType`. */
  readonly long: string;
  readonly short?: string;
  /** It is followed by a value. */
  readonly value: boolean;
}

/** `-o, --opt <key=value>` */
export function knownFlag(row: FlagRow): KnownFlag {
  const m = /^(?:(-\S), )?(--[A-Za-z]+)( <[^>]+>)?$/.exec(row.flag);
  if (m === null) throw new Error(`"${row.flag}" is not how a flag is written`);
  return { long: m[2] ?? '', ...(m[1] !== undefined && { short: m[1] }), value: m[3] !== undefined };
}

/** Flags by their long name in lower case and by their short one. */
export type KnownFlags = ReadonlyMap<string, KnownFlag>;
export function knownFlags(rows: readonly FlagRow[]): KnownFlags {
  const out = new Map<string, KnownFlag>();
  for (const row of rows) {
    const f = knownFlag(row);
    out.set(f.long.toLowerCase(), f);
    if (f.short !== undefined) out.set(f.short, f);
  }
  return out.set('--help', { long: '--help', short: '-?', value: false });
}

/** The words of a command line: what is no flag and no value of one, up to `--`. */
export function wordsOf(argv: readonly string[], known: KnownFlags): readonly string[] {
  const words: string[] = [];
  for (let i = 0; i < argv.length && argv[i] !== '--'; i++) {
    const arg = argv[i] ?? '';
    if (!arg.startsWith('-') || arg === '-') words.push(arg);
    else if (arg.startsWith('--')) i += !arg.includes('=') && known.get(arg.toLowerCase())?.value === true ? 1 : 0;
    else i += arg.length === 2 && known.get(arg)?.value === true ? 1 : 0;
  }
  return words;
}

const called = (
  word: string,
  x: { readonly name: string; readonly aliases?: readonly string[] | undefined },
): boolean => x.name === word || x.aliases?.includes(word) === true;

/** The command that a line means; undefined where it names none, or only a group. */
export function rowIn(
  words: readonly string[],
  rows: readonly CommandRow[],
  groups: readonly GroupRow[],
): CommandRow | undefined {
  const [first = '', second = ''] = words;
  const group = groups.find((g) => called(first, g));
  if (group === undefined) return rows.find((r) => !r.name.includes(' ') && called(first, r));
  return rows.find((r) => {
    const [of, name = ''] = r.name.split(' ');
    return of === group.name && called(second, { name, aliases: r.aliases });
  });
}
