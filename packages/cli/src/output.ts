import type { Io } from './io.ts';
import type { Column } from './terminal/columns.ts';
import { tableText } from './terminal/table.ts';

export type { Column } from './terminal/columns.ts';

/** `jsonp` is JSON with line breaks, as REX-Ray calls it; `tmpl` a Go template. */
export type Format = 'table' | 'json' | 'jsonp' | 'yaml' | 'tmpl';
export const FORMATS: readonly Format[] = ['table', 'json', 'jsonp', 'yaml', 'tmpl'];

export interface Printing {
  readonly format: Format;
  /** No heading, no notes. */
  readonly quiet: boolean;
  /** With `tmpl`. */
  readonly template?: string;
}

/** For people: errors in words, notes and warnings beside the answer. */
export const forPeople = (p: Pick<Printing, 'format'>): boolean => p.format === 'table' || p.format === 'tmpl';

type Shown<T> =
  | { readonly rows: readonly T[]; readonly columns: readonly Column<T>[] }
  | { readonly lines: readonly string[] };

/** What a command answers: data for programs, rows for people. */
export async function print<T>(io: Io, p: Printing, data: unknown, table?: Shown<T>): Promise<void> {
  switch (p.format) {
    case 'json':
      return io.out(`${JSON.stringify(data ?? null)}\n`);
    case 'jsonp':
      return io.out(`${JSON.stringify(data ?? null, undefined, 2)}\n`);
    case 'yaml':
      return io.out((await import('yaml')).stringify(data ?? null));
    case 'tmpl': {
      const { render } = await import('./template/run.ts');
      return io.out(render(p.template ?? '{{.}}', data, table === undefined ? undefined : headings(table)));
    }
    case 'table':
      return printTable(io, p, table);
  }
}

function printTable<T>(io: Io, p: Printing, table: Shown<T> | undefined): void {
  if (table === undefined) return;
  if ('lines' in table) {
    io.out(table.lines.map((l) => `${l}\n`).join(''));
    return;
  }
  io.out(tableText(io, p.quiet, table.rows, table.columns));
}

/** In a template the headings of the table are fields too: `{{.Size}}` is what stands there. */
const headings =
  <T>(table: Shown<T>) =>
  (item: unknown): Readonly<Record<string, string>> =>
    'lines' in table || typeof item !== 'object' || item === null || !table.rows.includes(item as T)
      ? {}
      : Object.fromEntries(table.columns.map((c) => [c.head, c.cell(item as T)]));
