import { VolumeError } from '../errors.ts';

export type OptionPair = readonly [key: string, value: string];

/**
 * Splits `size=5,iops=150` (`DVDI_VOLUME_OPTS`, dvdcli's `--volumeopts`). The first `=` ends the key, so that values may
 * hold more of them; an item without `=` has the value `''`. A value or an item that begins with a quote ends at the next
 * one of its kind and may hold commas; a backslash in it takes the next character as it is. Elsewhere quotes are text.
 * @throws VolumeError `invalid` for a quote that is not closed and for text after one, naming the key
 */
export function splitOptionString(text: string): OptionPair[] {
  const pairs: OptionPair[] = [];
  let at = 0;
  while (at < text.length) {
    const item = readItem(text, at);
    at = item.next;
    if (item.pair !== undefined) pairs.push(item.pair);
  }
  return pairs;
}

/** The reverse: quotes what would not come back by itself. */
export const joinOptionString = (pairs: readonly OptionPair[]): string =>
  pairs.map(([key, value]) => `${key}=${needsQuotes(value) ? quote(value) : value}`).join(',');

interface Item {
  readonly pair?: OptionPair;
  readonly next: number;
}

function readItem(text: string, start: number): Item {
  const from = start + (/^\s*/.exec(text.slice(start))?.[0].length ?? 0);
  if (isQuote(text[from])) {
    const { value, next } = readQuoted(text, from, text.slice(from, from + 20));
    const [pair] = splitFirst(value);
    return { ...(pair && { pair }), next };
  }
  const comma = endOf(text, from, ',');
  const equals = endOf(text, from, '=');
  if (equals < comma && isQuote(text[equals + 1])) {
    const key = text.slice(from, equals).trim();
    const { value, next } = readQuoted(text, equals + 1, key);
    return { pair: [key, value], next };
  }
  const [pair] = splitFirst(text.slice(from, comma));
  return { ...(pair && { pair }), next: comma + 1 };
}

function readQuoted(text: string, start: number, key: string): { value: string; next: number } {
  const mark = text[start];
  let value = '';
  let at = start + 1;
  for (; at < text.length && text[at] !== mark; at++) {
    if (text[at] === '\\' && at + 1 < text.length) at++;
    value += text[at];
  }
  if (at >= text.length) throw broken(key, `the quote ${mark} is not closed`);
  const comma = endOf(text, at + 1, ',');
  if (text.slice(at + 1, comma).trim() !== '') throw broken(key, `there is text after its closing quote ${mark}`);
  return { value, next: comma + 1 };
}

function splitFirst(item: string): OptionPair[] {
  const equals = item.indexOf('=');
  const key = (equals < 0 ? item : item.slice(0, equals)).trim();
  const value = equals < 0 ? '' : item.slice(equals + 1).trim();
  return key === '' && value === '' ? [] : [[key, value]];
}

const isQuote = (c: string | undefined): boolean => c === '"' || c === "'";
const endOf = (text: string, from: number, mark: string): number => {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at;
};
const needsQuotes = (value: string): boolean => /^["']|,|^\s|\s$/.test(value);
const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;

const broken = (key: string, why: string): VolumeError =>
  new VolumeError('invalid', `Option ${key}: ${why}.`, {
    details: { path: key, expected: 'key=value,key="value, with commas"' },
  });
