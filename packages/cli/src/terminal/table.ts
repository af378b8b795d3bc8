import type { Io } from '../io.ts';
import { aligned, type Column } from './columns.ts';
import { colours, isPlain, stateColour } from './style.ts';

/** A table as this terminal shows it: as wide as it is, in colour where it has some. */
export function tableText<T>(io: Io, quiet: boolean, rows: readonly T[], columns: readonly Column<T>[]): string {
  const c = colours(io, 'out');
  return aligned(rows, columns, {
    quiet,
    width: io.tty ? io.width : undefined,
    ...(!isPlain(c) && { head: c.head, state: (text) => stateColour(c, text) }),
  });
}
