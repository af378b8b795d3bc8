import { HOLDER } from '../columns.ts';
import { type Context, callOf, dryRun, type VerbFlags } from '../context.ts';
import { print } from '../output.ts';

export async function ls(c: Context, o: { volume?: string }): Promise<number> {
  const found = await c.integration.holders.list({ ...callOf(c), volume: o.volume });
  const rows = [...found].sort((a, b) => (`${a.volume} ${a.holder}` < `${b.volume} ${b.holder}` ? -1 : 1));
  await print(c.io, c.printing, rows, { rows, columns: HOLDER });
  return 0;
}

export async function release(c: Context, volume: string, holder: string, o: VerbFlags): Promise<number> {
  if (o.dryRun) return dryRun(c, 'holders.release', [volume], { holder });
  await c.integration.holders.release(volume, holder, callOf(c));
  await print(c.io, c.printing, { volume, holder }, { lines: [`${volume} ${holder}`] });
  return 0;
}
