import type { Integration } from '@rexray/core';
import { OPTIONS, type OptionPair, parseOptions, type StringOptions, splitOptionString } from '@rexray/core/options';

/** Ends what one option holds where another one begins: `size=5,iops=150` comes as the option `size` with all the rest. */
const KNOWN = OPTIONS.flatMap((o) => [o.name, ...o.aliases]);
const escaped = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Options as Docker passes them: an object, in which one value may hold several (`-o size=5,iops=150`). It is cut only
 * where a known option begins, because lists (`mountOptions=noatime,nodiratime`) and labels have commas of their own.
 * @throws VolumeError `invalid` that names the key
 */
export function createOptions(
  opts: Readonly<Record<string, string>>,
  service: Pick<Integration, 'paramsSchema'>,
): StringOptions {
  const params = service.paramsSchema;
  const names = [...KNOWN, ...Object.keys((params?.properties ?? {}) as object)];
  const begins = new RegExp(
    `,(?=\\s*(?:${names.map((n) => escaped(n) + (n.endsWith('.') ? '[^=,]+' : '')).join('|')})\\s*=)`,
    'i',
  );
  const pairs = Object.entries(opts).flatMap(([key, value]) => several(key, value, begins));
  return parseOptions(pairs, params === undefined ? {} : { params });
}

/** A label and an option of mkfs are texts that nobody but their reader understands: they stay whole. */
const isFamily = (key: string): boolean => /^(label|mkfs)\./i.test(key);

function several(key: string, value: string, begins: RegExp): readonly OptionPair[] {
  if (isFamily(key) || !value.includes(',')) return [[key, value]];
  const [first = '', ...others] = value.split(begins);
  return [[key, first], ...others.flatMap(cut)];
}

/** Each piece is `known=…`, and was cut already: quotes in it are read as in `DVDI_VOLUME_OPTS`. */
function cut(piece: string): readonly OptionPair[] {
  const at = piece.indexOf('=');
  const value = piece.slice(at + 1).trim();
  if (/^["']/.test(value)) return splitOptionString(piece);
  return [[piece.slice(0, at).trim(), value]];
}
