import { type Bytes, bytes, parseSize } from '../bytes.ts';
import { VolumeError } from '../errors.ts';
import { FS_TYPES, type FsType, isFsType } from '../record.ts';

/** Readers of option values; each names the key as it was written. @throws VolumeError `invalid` */

export const refuse = (key: string, value: string, why: string, expected: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `Option ${key}: ${JSON.stringify(value)} ${why}.`, {
    details: { path: key, value, expected },
    hint: `Expected: ${expected}.`,
  });

export function size(key: string, value: string): Bytes {
  const n = parseSize(value, { bare: 'GiB', path: key });
  if (n === 0) throw refuse(key, value, 'is no size', 'a size above 0, such as 16 (GiB), 512MiB or 10g');
  return bytes(n);
}

export function whole(key: string, value: string, max: number): number {
  const n = Number(value);
  if (/^\d{1,15}$/.test(value) && n <= max) return n;
  throw refuse(key, value, 'is not a whole number in range', `a whole number from 0 to ${max}`);
}

export function octal(key: string, value: string): number {
  if (/^(0o?)?[0-7]{3,4}$/.test(value)) return Number.parseInt(value.replace(/^0o/, ''), 8);
  throw refuse(key, value, 'is not a mode', 'permission bits in octal, such as 0750');
}

/** As Go's ParseBool reads it, in any case, and `yes no on off`; a bare key (`-o ro`) is true. */
export function truth(key: string, value: string): boolean {
  if (/^(|1|t|true|yes|on)$/i.test(value)) return true;
  if (/^(0|f|false|no|off)$/i.test(value)) return false;
  throw refuse(key, value, 'is neither true nor false', 'true or false');
}

export function fsType(key: string, value: string): FsType {
  const v = value.toLowerCase();
  if (isFsType(v)) return v;
  throw refuse(key, value, 'is not a file system that volumes can have', FS_TYPES.join(', '));
}

export function text(key: string, value: string): string {
  if (value !== '') return value;
  throw refuse(key, value, 'is empty', 'a value');
}

export const words = (key: string, value: string): string[] =>
  text(key, value)
    .split(',')
    .map((w) => w.trim())
    .filter((w) => w !== '');

export type Source = { volume: string } | { snapshot: string } | { volumeId: string } | { snapshotId: string };

/** `volume:NAME`, `snapshot:NAME`, `volumeId:ID`, `snapshotId:ID`; the word before the colon in any case. */
export function source(key: string, value: string): Source {
  const colon = value.indexOf(':');
  const kind = value.slice(0, colon).toLowerCase();
  const name = value.slice(colon + 1);
  if (name !== '') {
    if (kind === 'volume') return { volume: name };
    if (kind === 'snapshot') return { snapshot: name };
    if (kind === 'volumeid') return { volumeId: name };
    if (kind === 'snapshotid') return { snapshotId: name };
  }
  throw refuse(key, value, 'does not say what to copy', 'volume:NAME, snapshot:NAME, volumeId:ID or snapshotId:ID');
}

/** The name in `label.<name>`, as it is written. */
export function label(key: string): string {
  const name = key.slice(key.indexOf('.') + 1);
  if (/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/.test(name)) return name;
  throw refuse(
    key,
    name,
    'cannot be a name here',
    'letters, digits, ".", "_", "/" and "-", at most 63, beginning with a letter or digit',
  );
}
