import { type CreateOptions, type Mount, parseSize, type Volume } from '@rexray/core';
import { MOUNT, VOLUME } from '../columns.ts';
import { type Context, callOf, dryRun, forEach, notes, type VerbFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { print } from '../output.ts';
import { type CreateFlags, createOptions } from './create-flags.ts';
import { namesFor, type OldNames, wordsWith } from './matching.ts';

/** Mounts of the command line have one holder: it is a person, who has no id of her own. */
const HOLDER = 'cli';

const shown = async (c: Context, volumes: readonly Volume[]): Promise<void> => {
  await print(c.io, c.printing, volumes, { rows: volumes, columns: VOLUME });
  for (const v of volumes) notes(c, v.notes);
};
const lines =
  (c: Context) =>
  (names: readonly string[]): Promise<void> =>
    print(c.io, c.printing, names, { lines: names });

/** Everything about a volume: for people as YAML, which reads well. */
export async function inspect(c: Context, words: readonly string[], o: VerbFlags): Promise<number> {
  const format = c.printing.format === 'table' ? 'yaml' : c.printing.format;
  const names = await namesFor(c, words, 'act');
  return forEach(
    c,
    names,
    o,
    (name) => c.integration.get(name, callOf(c)),
    (volumes) => print(c.io, { ...c.printing, format }, volumes, { rows: volumes, columns: VOLUME }),
  );
}

interface CreateVerb extends VerbFlags, CreateFlags {
  readonly attach?: boolean;
  readonly amount?: boolean;
}

export async function create(c: Context, words: readonly string[], given: CreateVerb): Promise<number> {
  // REX-Ray 0.3 named the new volume by the flag that later named what it is a copy of.
  const { volumeName, ...others } = given;
  const old = words.length === 0 && volumeName !== undefined;
  const names = old ? [volumeName] : words;
  if (names.length === 0) throw usage('A name for the volume is missing.', 'Write "rexray volume create NAME".');
  const o: CreateVerb = old ? others : given;
  const options = createOptions(o);
  if (o.dryRun) return dryRun(c, 'create', names, { ...options });
  const act = async (name: string): Promise<Volume> => {
    const made = await c.integration.create(name, { ...options, ...callOf(c) });
    if (o.amount === true) await c.integration.mount(name, { holder: HOLDER, ...callOf(c) });
    else if (o.attach !== true) return made;
    else return c.integration.attach(name, callOf(c));
    return c.integration.get(name, callOf(c));
  };
  return forEach(c, names, o, act, (v) => shown(c, v));
}

export async function remove(c: Context, words: readonly string[], o: VerbFlags & OldNames): Promise<number> {
  const names = await namesFor(c, wordsWith(words, o), 'destroy');
  const options = { ...(o.force && { force: true }) };
  if (o.dryRun) return dryRun(c, 'remove', names, options);
  const act = async (name: string): Promise<string> => {
    // Absent is success for programs; a person who mistyped wants to know.
    if (!o.idempotent) await c.integration.get(name, callOf(c));
    await c.integration.remove(name, { ...options, ...callOf(c) });
    return name;
  };
  return forEach(c, names, o, act, lines(c));
}

export async function mount(
  c: Context,
  words: readonly string[],
  o: VerbFlags & Pick<CreateFlags, 'fsType'> & OldNames & { readOnly?: boolean },
): Promise<number> {
  const names = await namesFor(c, wordsWith(words, o), 'act');
  const options = { holder: HOLDER, ...(o.force && { preempt: true }), ...(o.readOnly && { readOnly: true }) };
  if (o.dryRun) return dryRun(c, 'mount', names, options);
  const wish = createOptions(o.fsType === undefined ? {} : { fsType: o.fsType });
  const act = async (name: string): Promise<Mount> => {
    await assertFileSystem(c, name, wish);
    return c.integration.mount(name, { ...options, ...callOf(c) });
  };
  return forEach(c, names, o, act, async (mounts) => {
    await print(c.io, c.printing, mounts, { rows: mounts, columns: MOUNT });
    for (const m of mounts) notes(c, m.notes);
  });
}

/** The file system is chosen when a volume is made (S3); a flag that comes later must agree, and is never a reason to wipe. */
async function assertFileSystem(c: Context, name: string, wish: CreateOptions): Promise<void> {
  if (wish.fsType === undefined) return;
  const v = await c.integration.get(name, callOf(c));
  if (v.fsType === undefined || v.fsType === wish.fsType || v.format === 'none') return;
  throw usage(
    `Volume "${name}" has the file system ${v.fsType}, not ${wish.fsType}.`,
    'The file system is chosen at "rexray volume create --fsType".',
  );
}

export async function unmount(c: Context, words: readonly string[], o: VerbFlags & OldNames): Promise<number> {
  const names = await namesFor(c, wordsWith(words, o), 'act');
  const options = { holder: HOLDER };
  if (o.dryRun) return dryRun(c, 'unmount', names, options);
  const act = async (name: string): Promise<string> => {
    await c.integration.unmount(name, { ...options, ...callOf(c) });
    return name;
  };
  return forEach(c, names, o, act, lines(c));
}

export async function attach(c: Context, words: readonly string[], o: VerbFlags & OldNames): Promise<number> {
  const names = await namesFor(c, wordsWith(words, o), 'act');
  const options = { ...(o.force && { preempt: true }) };
  if (o.dryRun) return dryRun(c, 'attach', names, options);
  return forEach(
    c,
    names,
    o,
    (name) => c.integration.attach(name, { ...options, ...callOf(c) }),
    (v) => shown(c, v),
  );
}

export async function detach(c: Context, words: readonly string[], o: VerbFlags & OldNames): Promise<number> {
  const names = await namesFor(c, wordsWith(words, o), 'act');
  const options = { ...(o.force && { force: true }) };
  if (o.dryRun) return dryRun(c, 'detach', names, options);
  return forEach(
    c,
    names,
    o,
    (name) => c.integration.detach(name, { ...options, ...callOf(c) }),
    (v) => shown(c, v),
  );
}

export async function expand(c: Context, name: string, o: VerbFlags & { size?: string }): Promise<number> {
  if (o.size === undefined)
    throw usage('How large shall it be?', 'Say --size, such as --size 32 (GiB) or --size 512MiB.');
  const size = parseSize(o.size, { bare: 'GiB', path: '--size' });
  if (o.dryRun) return dryRun(c, 'expand', [name], { size });
  const result = await c.integration.expand(name, { size, ...callOf(c) });
  await print(c.io, c.printing, result, { rows: [result.volume], columns: VOLUME });
  notes(c, result.why === undefined ? result.volume.notes : [result.why, ...result.volume.notes]);
  return 0;
}

export async function clone(c: Context, from: string, to: string, o: VerbFlags & CreateFlags): Promise<number> {
  const { overwriteFs: _never, from: _source, ...options } = createOptions(o);
  if (o.dryRun) return dryRun(c, 'clone', [from], { ...options, to });
  const made = await c.integration.clone(from, to, { ...options, ...callOf(c) });
  await print(c.io, c.printing, made, { rows: [made], columns: VOLUME });
  notes(c, made.notes);
  return 0;
}
