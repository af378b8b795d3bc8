import { VolumeError } from '@rexray/core';

/** Where a value was written; `line` only for YAML. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  /** Written in code: `$` means itself. */
  readonly literal?: boolean;
  /** For people: `/etc/rexray/rexray.yml:12`, `environment LIBSTORAGE_SERVICE`. */
  readonly where: string;
}

/** What stands in an error instead of the value of a secret key. */
export const HIDDEN = '***';

/** One configuration error: always `invalid`, always with the key, the value (unless secret), what is expected and where it was written. */
export function invalid(o: {
  readonly key: string;
  readonly expected: string;
  readonly value?: unknown;
  readonly secret?: boolean;
  readonly place?: Place;
  readonly why?: string;
  readonly hint?: string;
}): VolumeError<'invalid'> {
  const shown = o.secret === true ? HIDDEN : o.value;
  const found = o.value === undefined ? '' : ` ${JSON.stringify(shown)}`;
  const at = o.place === undefined ? '' : ` (${o.place.where})`;
  const why = o.why ?? `is not ${o.expected}`;
  return new VolumeError('invalid', `${o.key}:${found} ${why}${at}.`, {
    details: { path: o.key, ...(o.value !== undefined && { value: shown }), expected: o.expected },
    ...(o.hint !== undefined && { hint: o.hint }),
  });
}
