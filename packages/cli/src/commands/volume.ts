import { type CreateOptions, type Mount, notFound, parseSize, type Volume } from '@rexray/core';
import { MOUNT, VOLUME, VOLUME_PATH } from '../columns.ts';
import { type Context, callOf, dryRun, forEach, notes, type VerbFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { print } from '../output.ts';
import { type CreateFlags, createOptions } from './create-flags.ts';

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

export async function ls(
  c: Context,
  names: readonly string[],
  o: { path?: boolean; attached?: boolean; available?: boolean },
): Promise<number> {
  const all: Volume[] = [];
  let cursor: string | undefined;
  do {
    const page = await c.integration.list({ ...callOf(c), ...(cursor !== undefined && { cursor }) });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  for (const name of names) if (!all.some((v) => v.name === name)) throw notFound('volume', name);
  const volumes = all
    .filter((v) => names.length === 0 || names.includes(v.name))
    .filter((v) => o.attached !== true || v.state === 'attached' || v.state === 'mounted')
    .filter((v) => o.available !== true || v.state === 'available')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  await print(c.io, c.printing, volumes, { rows: volumes, columns: o.path === true ? VOLUME_PATH : VOLUME });
  return 0;
}

/** Everything about a volume: for people as YAML, which reads well. */
export function inspect(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
  const format = c.printing.format === 'table' ? 'yaml' : c.printing.format;
  return forEach(
    c,
    names,
    o,
    (name) => c.integration.get(name, callOf(c)),
    (volumes) => print(c.io, { ...c.printing, format }, volumes),
  );
}

export async function create(c: Context, names: readonly string[], o: VerbFlags & CreateFlags): Promise<number> {
  const options = createOptions(o);
  if (o.dryRun) return dryRun(c, 'create', names, { ...options });
  return forEach(
    c,
    names,
    o,
    (name) => c.integration.create(name, { ...options, ...callOf(c) }),
    (v) => shown(c, v),
  );
}

export async function remove(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
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
  names: readonly string[],
  o: VerbFlags & CreateFlags & { readOnly?: boolean },
): Promise<number> {
  const options = { holder: HOLDER, ...(o.force && { preempt: true }), ...(o.readOnly && { readOnly: true }) };
  if (o.dryRun) return dryRun(c, 'mount', names, options);
  const wish = createOptions(o);
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

export async function unmount(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
  const options = { holder: HOLDER };
  if (o.dryRun) return dryRun(c, 'unmount', names, options);
  const act = async (name: string): Promise<string> => {
    await c.integration.unmount(name, { ...options, ...callOf(c) });
    return name;
  };
  return forEach(c, names, o, act, lines(c));
}

export async function attach(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
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

export async function detach(c: Context, names: readonly string[], o: VerbFlags): Promise<number> {
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
