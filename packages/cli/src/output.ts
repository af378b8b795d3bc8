import type { Io } from './io.ts';

export type Format = 'table' | 'json' | 'yaml';

/** A column of a table: its heading, and what stands in a row. */
export interface Column<T> {
  readonly head: string;
  readonly cell: (x: T) => string;
}

export interface Printing {
  readonly format: Format;
  /** No heading, no notes. */
  readonly quiet: boolean;
}

/** What a command answers: data for programs, rows for people. */
export async function print<T>(
  io: Io,
  p: Printing,
  data: unknown,
  table?:
    | { readonly rows: readonly T[]; readonly columns: readonly Column<T>[] }
    | { readonly lines: readonly string[] },
): Promise<void> {
  if (p.format === 'json') return io.out(`${JSON.stringify(data ?? null)}\n`);
  if (p.format === 'yaml') return io.out((await import('yaml')).stringify(data ?? null));
  if (table === undefined) return;
  io.out('lines' in table ? table.lines.map((l) => `${l}\n`).join('') : await aligned(table.rows, table.columns, p));
}

/** Aligned columns without borders, two spaces apart, as REX-Ray prints them. */
async function aligned<T>(rows: readonly T[], columns: readonly Column<T>[], p: Printing): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const none = Object.fromEntries(
    [
      ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
      ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'],
    ].map((k) => [k, '']),
  );
  const table = new Table({
    ...(p.quiet ? {} : { head: columns.map((c) => c.head) }),
    chars: { ...none, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) table.push(columns.map((c) => c.cell(row)));
  const text = table.toString().replace(/[ \t]+$/gm, '');
  return text === '' ? '' : `${text}\n`;
}
