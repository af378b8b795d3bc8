import { notFound, type Snapshot } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { SNAPSHOT, VOLUME } from '../columns.ts';
import { type Context, callOf, dryRun, forEach, notes, type VerbFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { print } from '../output.ts';
import { type CreateFlags, createOptions } from './create-flags.ts';
import { fitting } from './matching.ts';

/** Flags by which REX-Ray 0.3 named a snapshot and its volume. */
interface OldFlags {
  readonly snapshotName?: string;
  readonly snapshotID?: string;
  readonly volumeName?: string;
  readonly volumeID?: string;
}

async function everySnapshot(c: Context, volume: string | undefined): Promise<readonly Snapshot[]> {
  const all: Snapshot[] = [];
  let cursor: string | undefined;
  do {
    const page = await c.integration.snapshots.list({ ...callOf(c), volume, cursor });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const meant = (all: readonly Snapshot[], word: string, prefixes: boolean): readonly Snapshot[] => {
  const found = fitting(all, word, prefixes);
  if (found.length > 0) return found;
  const names = all.map((s) => s.name);
  throw notFound('Snapshot', word, nearest(word, names));
};

export async function ls(c: Context, words: readonly string[], o: { volume?: string }): Promise<number> {
  const all = await everySnapshot(c, o.volume);
  const wanted = new Set(words.flatMap((w) => meant(all, w, true)));
  const rows = words.length === 0 ? all : all.filter((s) => wanted.has(s));
  await print(c.io, c.printing, rows, { rows, columns: SNAPSHOT });
  return 0;
}

export async function create(
  c: Context,
  volume: string | undefined,
  name: string | undefined,
  o: VerbFlags & OldFlags,
): Promise<number> {
  const of = volume ?? o.volumeName ?? o.volumeID;
  const as = name ?? o.snapshotName;
  if (of === undefined || as === undefined)
    throw usage('A volume and a name for the snapshot are needed.', 'Write "rexray snapshot create VOLUME NAME".');
  if (o.dryRun) return dryRun(c, 'snapshots.create', [of], { snapshot: as });
  const made = await c.integration.snapshots.create(of, as, callOf(c));
  await print(c.io, c.printing, made, { rows: [made], columns: SNAPSHOT });
  return 0;
}

export async function remove(c: Context, words: readonly string[], o: VerbFlags & OldFlags): Promise<number> {
  const given = [...words, ...[o.snapshotName, o.snapshotID].filter((x) => x !== undefined)];
  if (given.length === 0)
    throw usage('A snapshot is missing.', 'Name one or several; "rexray snapshot ls" shows what there is.');
  const names = given.some((w) => w.startsWith('/')) ? await byRegex(c, given) : given;
  if (o.dryRun) return dryRun(c, 'snapshots.remove', names, {});
  const act = async (name: string): Promise<string> => {
    await c.integration.snapshots.remove(name, callOf(c));
    return name;
  };
  return forEach(c, names, o, act, (done) => print(c.io, c.printing, done, { lines: done }));
}

async function byRegex(c: Context, words: readonly string[]): Promise<readonly string[]> {
  const all = await everySnapshot(c, undefined);
  return [...new Set(words.flatMap((w) => (w.startsWith('/') ? meant(all, w, false).map((s) => s.name) : [w])))];
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
