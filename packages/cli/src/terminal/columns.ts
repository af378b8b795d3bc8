/** A column of a table: its heading, and what stands in a row. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (x: T) => string;
  /** Is cut to fit the terminal, the highest first; absent: never, until nothing else helps. */
  readonly gives?: number;
  /** Its words are coloured by what they say. */
  readonly state?: true;
}

const GAP = '  ';
/** A column that gives way keeps at least so many characters. */
const LEAST = 6;

/** Most cells: what need not be looked at letter by letter. */
const PLAIN = /^[\x20-\x7e]*$/;
const ODD = /[^\x20-\x7e]/;

/** Control and direction characters would move the cursor or hide text: they are shown as what they are. */
export const printable = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16) ?? ''}}`);

/** East Asian wide characters and emoji take two cells; combining marks none. */
export function cells(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let n = 0;
  for (const c of text)
    n += /\p{M}/u.test(c)
      ? 0
      : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
            c,
          )
        ? 2
        : 1;
  return n;
}

function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let out = '';
  for (const c of text) {
    if (cells(out + c) > width - 1) break;
    out += c;
  }
  return `${out}…`;
}

export interface Layout {
  readonly quiet: boolean;
  /** Cells of the terminal; absent: as wide as it is. */
  readonly width?: number | undefined;
  readonly head?: ((text: string) => string) | undefined;
  readonly state?: ((text: string) => string) | undefined;
}

/** Aligned columns without borders, two spaces apart, as REX-Ray prints them; cut with `…` to fit a terminal. */
export function aligned<T>(rows: readonly T[], columns: readonly Column<T>[], o: Layout): string {
  const all = rows.map((r) => columns.map((c) => c.cell(r)));
  // One look at everything instead of one at each cell: a listing is mostly run by code that is not yet compiled.
  const plain = !ODD.test(all.join());
  if (!plain) for (const row of all) for (let i = 0; i < row.length; i++) row[i] = printable(row[i] ?? '');
  if (!o.quiet) all.unshift(columns.map((c) => c.head));
  const wanted = columns.map(() => 0);
  for (const row of all)
    for (let i = 0; i < row.length; i++) {
      const size = plain ? (row[i]?.length ?? 0) : cells(row[i] ?? '');
      if (size > (wanted[i] ?? 0)) wanted[i] = size;
    }
  const widths = fitted(wanted, columns, o.width);
  const narrow = widths.some((w, i) => w < (wanted[i] ?? 0));
  const heading = o.quiet ? undefined : all[0];
  const lineOf = (row: readonly string[]): string => {
    let line = '';
    for (let i = 0; i < row.length; i++) {
      const width = widths[i] ?? 0;
      const short = narrow ? cut(row[i] ?? '', width) : (row[i] ?? '');
      const paint = row === heading ? o.head : columns[i]?.state === true ? o.state : undefined;
      if (i > 0) line += GAP;
      if (plain && paint === undefined) line += short.padEnd(width);
      else line += `${paint === undefined || short === '' ? short : paint(short)}${' '.repeat(width - cells(short))}`;
    }
    return line.trimEnd();
  };
  return all.length === 0 ? '' : `${all.map(lineOf).join('\n')}\n`;
}

/** Widths that fit: first from the columns that give way, then from the widest. */
function fitted(wanted: readonly number[], columns: readonly Column<never>[], room: number | undefined): number[] {
  const widths = [...wanted];
  const total = (): number => widths.reduce((n, w) => n + w, 0) + GAP.length * (widths.length - 1);
  if (room === undefined) return widths;
  const order = columns.map((c, i) => ({ i, gives: c.gives ?? 0 })).sort((a, b) => b.gives - a.gives);
  for (const least of [LEAST * 2, LEAST]) {
    for (const { i, gives } of order) {
      const over = total() - room;
      if (over > 0 && gives > 0) widths[i] = Math.max(Math.min(least, widths[i] ?? 0), (widths[i] ?? 0) - over);
    }
  }
  while (total() > room) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= 2) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
