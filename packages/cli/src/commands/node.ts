import { NODE } from '../columns.ts';
import { type Context, callOf } from '../context.ts';
import { print } from '../output.ts';

export async function ls(c: Context): Promise<number> {
  const nodes = await c.integration.nodes.list(callOf(c));
  const rows = [...nodes].sort((a, b) => Number(b.here) - Number(a.here) || (a.node < b.node ? -1 : 1));
  await print(c.io, c.printing, rows, { rows, columns: NODE });
  return 0;
}
