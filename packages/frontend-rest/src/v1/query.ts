import { VolumeError } from '@rexray/core';

/** The query of a request of libStorage: keys in any case, a bare key is true. What it is asked by presence is asked by presence alone. */
export type V1Query = ReadonlyMap<string, string>;

export function queryOf(url: string): V1Query {
  const at = url.indexOf('?');
  const out = new Map<string, string>();
  if (at < 0) return out;
  for (const part of url.slice(at + 1).split('&')) {
    if (part === '') continue;
    const eq = part.indexOf('=');
    const key = decoded(eq < 0 ? part : part.slice(0, eq)).toLowerCase();
    if (!out.has(key)) out.set(key, eq < 0 ? 'true' : decoded(part.slice(eq + 1)));
  }
  return out;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new VolumeError('invalid', 'The query is not percent-encoded.', {
      details: { path: 'query', expected: 'percent-encoded UTF-8' },
    });
  }
}

/** Set, and not to something that says no. */
export const isOn = (q: V1Query, key: string): boolean => {
  const value = q.get(key)?.toLowerCase();
  return value !== undefined && !['false', 'f', '0'].includes(value);
};

/** Bits of `attachments`. */
export const MASK = { requested: 1, mine: 2, devices: 4, attached: 8, unattached: 16 } as const;

/** A number, else a boolean (`true` is 15, `false` is 1, as REX-Ray has it), else nothing. */
export function maskOf(q: V1Query): number {
  const text = q.get('attachments');
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) & 31;
  if (/^(true|t)$/i.test(text)) return 15;
  return /^(false|f)$/i.test(text) ? 1 : 0;
}

/**
 * `(name=data)`: all that REX-Ray's server ever applied of its LDAP filters.
 * @returns the name in lower case; undefined: everything
 * @throws VolumeError `invalid` for anything else: REX-Ray answered with every volume, which nobody asked for
 */
export function filterOf(q: V1Query): string | undefined {
  const text = q.get('filter');
  if (text === undefined) return undefined;
  const name = /^\(\s*name\s*=\s*([^()*&|!\\]+?)\s*\)$/i.exec(text)?.[1];
  if (name !== undefined) return name.toLowerCase();
  throw new VolumeError('invalid', 'The filter is not one that this server has.', {
    details: { path: 'filter', value: text.slice(0, 200), expected: '(name=NAME)' },
    hint: 'Filter by one name, or list everything and choose.',
  });
}
