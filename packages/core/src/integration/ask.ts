/** Checks of what a caller asks for, before anything is made: what is found at the first mount only leaves a volume that never mounts. */
import type { CreateOptions, MountOptions } from '../api.ts';
import type { Ctx } from '../context.ts';
import { VolumeError } from '../errors.ts';
import type { DataOwner, FormatState, VolumeRecord } from '../record.ts';
import type { NodeVolume } from '../store.ts';
import type { Env } from './env.ts';

/** Options of mkfs and mount against the host's own tables (S21). @throws `invalid` naming the option */
export async function assertHostOptions(
  env: Env,
  o: { readonly format: FormatState; readonly mountOptions?: readonly string[] | undefined },
  ctx: Ctx,
): Promise<void> {
  const { format, mountOptions } = o;
  if (mountOptions !== undefined && !(Array.isArray(mountOptions) && mountOptions.every((x) => typeof x === 'string')))
    throw wrong('mountOptions', mountOptions, 'strings, such as noatime');
  const mkfs = format.state === 'blank' ? format.mkfs : undefined;
  // Which options a share or a directory takes is known only when it is attached.
  if (format.state === 'none' || (mountOptions === undefined && mkfs === undefined)) return;
  await env.host.checkOptions?.(
    { fsType: format.fsType, ...(mkfs !== undefined && { mkfs }), ...(mountOptions !== undefined && { mountOptions }) },
    ctx,
  );
}

const ID_MAX = 2 ** 32 - 2;

/** @throws `invalid` */
export function assertOwner(owner: DataOwner): void {
  for (const [key, max, expected] of [
    ['uid', ID_MAX, 'a user number'],
    ['gid', ID_MAX, 'a group number'],
    ['mode', 0o7777, 'permission bits, such as 0o750'],
  ] as const) {
    const x = owner[key];
    if (x !== undefined && !(Number.isInteger(x) && x >= 0 && x <= max)) throw wrong(`owner.${key}`, x, expected);
  }
}

/** A read-only volume that nobody can format would never mount. @throws `invalid` */
export function assertUsable(o: Pick<CreateOptions, 'readOnly'>, format: FormatState): void {
  if (o.readOnly === true && format.state === 'blank')
    throw wrong('readOnly', true, 'a source: a new volume has no file system yet, and a read-only one never gets one');
}

const wrong = (path: string, value: unknown, expected: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `${path}: ${JSON.stringify(value)} is not valid: expected ${expected}.`, {
    details: { path, value, expected },
  });

const same = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());

/**
 * A mount is one for all its holders: whoever asks for another kind of mount is not given this one. What a caller does
 * not ask for is not compared.
 */
export function otherKindError(
  env: Env,
  v: { readonly name: string; readonly record: VolumeRecord },
  mount: NonNullable<NodeVolume['mount']>,
  o: Pick<MountOptions, 'mountOptions' | 'subdir'>,
): VolumeError<'already_exists'> | undefined {
  const differs: Record<string, { have: unknown; asked: unknown }> = {};
  const have = mount.options ?? [];
  if (o.mountOptions !== undefined && !same(o.mountOptions, have))
    differs.mountOptions = { have, asked: o.mountOptions };
  if (o.subdir !== undefined && mount.subdir !== undefined && trimmed(o.subdir) !== trimmed(mount.subdir))
    differs.subdir = { have: mount.subdir, asked: o.subdir };
  const keys = Object.keys(differs);
  if (keys.length === 0) return undefined;
  return new VolumeError(
    'already_exists',
    `Volume "${v.name}" of service "${env.service}" is mounted with other ${keys.join(' and ')}: ${keys.map((k) => JSON.stringify(differs[k]?.have)).join(', ')}.`,
    { details: { differs }, hint: 'Leave them out to share the mount, or wait until its holders have unmounted it.' },
  );
}

const trimmed = (dir: string): string => dir.replace(/\/+/g, '/').replace(/\/$/, '');
