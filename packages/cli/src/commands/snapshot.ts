import type { Snapshot } from '@rexray/core';
import { SNAPSHOT, VOLUME } from '../columns.ts';
import { type Context, callOf, dryRun, forEach, notes, type VerbFlags } from '../context.ts';
import { print } from '../output.ts';
import { type CreateFlags, createOptions } from './create-flags.ts';

export async function ls(c: Context, o: { volume?: string }): Promise<number> {
  const all: Snapshot[] = [];
  let cursor: string | undefined;
  do {
    const page = await c.integration.snapshots.list({ ...callOf(c), volume: o.volume, cursor });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  await print(c.io, c.printing, all, { rows: all, columns: SNAPSHOT });
  return 0;
}

export async function create(c: Context, volume: string, name: string, o: VerbFlags): Promise<number> {
  if (o.dryRun) return dryRun(c, 'snapshots.create', [volume], { snapshot: name });
  const made = await c.integration.snapshots.create(volume, name, callOf(c));
  await print(c.io, c.printing, made, { rows: [made], columns: SNAPSHOT });
  return 0;
}

export async function remove(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
  if (o.dryRun) return dryRun(c, 'snapshots.remove', names, {});
  const act = async (name: string): Promise<string> => {
    await c.integration.snapshots.remove(name, callOf(c));
    return name;
  };
  return forEach(c, names, o, act, (done) => print(c.io, c.printing, done, { lines: done }));
}

export async function restore(
  c: Context,
  snapshot: string,
  volume: string,
  o: VerbFlags & CreateFlags,
): Promise<number> {
  const { overwriteFs: _never, from: _source, ...options } = createOptions(o);
  if (o.dryRun) return dryRun(c, 'snapshots.restore', [snapshot], { ...options, to: volume });
  const made = await c.integration.snapshots.restore(snapshot, volume, { ...options, ...callOf(c) });
  await print(c.io, c.printing, made, { rows: [made], columns: VOLUME });
  notes(c, made.notes);
  return 0;
}
