import { isFsType } from '@rexray/core';
import { VOLUME } from '../columns.ts';
import { type Context, callOf, dryRun, type VerbFlags } from '../context.ts';
import { usage } from '../failure.ts';
import { print } from '../output.ts';

/** Wipes: the person names the file system that is destroyed, so that no other can be (S3). */
export async function format(
  c: Context,
  name: string,
  o: VerbFlags & { wipe?: string; fsType?: string },
): Promise<number> {
  const { wipe, fsType } = o;
  if (fsType !== undefined && !isFsType(fsType))
    throw usage(`"${fsType}" is not a file system.`, 'Write ext4, xfs or btrfs.');
  if (wipe === undefined) throw await noUuid(c, name);
  const options = { wipe, ...(fsType !== undefined && { fsType }) };
  if (o.dryRun) return dryRun(c, 'format', [name], options);
  const made = await c.integration.format(name, { ...options, ...callOf(c) });
  await print(c.io, c.printing, made, { rows: [made], columns: VOLUME });
  return 0;
}

async function noUuid(c: Context, name: string): Promise<Error> {
  const v = await c.integration.get(name, callOf(c));
  if (v.fsUuid === undefined)
    return usage(
      `Volume "${name}" has no file system to wipe (${v.format}).`,
      v.format === 'none' ? 'It is a directory: remove it and make it again.' : 'Its first mount makes one.',
    );
  return usage(
    `Formatting destroys everything on volume "${name}": ${v.fsType ?? 'a file system'} with the UUID ${v.fsUuid}.`,
    `If that is what you want: rexray volume format ${name} --wipe ${v.fsUuid}`,
  );
}

export async function adopt(c: Context, id: string, name: string, o: VerbFlags): Promise<number> {
  if (o.dryRun) return dryRun(c, 'adopt', [id], { as: name });
  const made = await c.integration.adopt(id, name, callOf(c));
  await print(c.io, c.printing, made, { rows: [made], columns: VOLUME });
  return 0;
}
