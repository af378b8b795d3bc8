import { VolumeError } from './errors.ts';

/** Longest name in characters (all of one byte): leaves room in a file name (255) for what drivers append. */
export const NAME_MAX = 200;

const FIRST = /^[A-Za-z0-9]$/;
const REST = /^[A-Za-z0-9_.-]$/;
const WHOLE = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const ALLOWED = 'letters and digits of ASCII, "_", "." and "-", beginning with a letter or digit';

/** Whether {@link assertName} would accept it. */
export const isName = (x: unknown): x is string => typeof x === 'string' && x.length <= NAME_MAX && WHOLE.test(x);

/**
 * Names become file names, mount points, tags and program arguments: what is accepted here is safe in all of them
 * (no separator, no leading dash, nothing that a file system folds or normalises). Upper and lower case differ.
 * @param what what is named, for the message: `volume`, `snapshot`, `service`.
 * @throws VolumeError `invalid` with path `name`: what is wrong, where, and what is allowed.
 */
export function assertName(name: unknown, what = 'volume'): asserts name is string {
  if (isName(name)) return;
  throw new VolumeError('invalid', `${subject(name, what)} ${wrongWith(name)}.`, {
    details: { path: 'name', value: name, expected: `1 to ${NAME_MAX} ${ALLOWED}` },
    hint: `A ${what} name has 1 to ${NAME_MAX} ${ALLOWED}.`,
  });
}

/** Escapes whatever a terminal would act on or hide (control, bidirectional and separator characters); a long name is cut. */
function subject(name: unknown, what: string): string {
  if (typeof name !== 'string' || name === '') return `The ${what} name`;
  const points = [...name];
  const quoted = JSON.stringify(points.length > 60 ? `${points.slice(0, 60).join('')}…` : name);
  return `The ${what} name ${quoted.replace(/[\p{C}\u2028\u2029]/gu, (c) => `\\u{${hex(c)}}`)}`;
}

function wrongWith(name: unknown): string {
  if (typeof name !== 'string') return `is not a string (${name === null ? 'null' : typeof name})`;
  if (name === '') return 'is empty';
  if (name === '.' || name === '..') return 'means a directory';
  const points = [...name];
  if (points.length > NAME_MAX) return `is too long: ${points.length} characters of at most ${NAME_MAX}`;
  for (const [i, c] of points.entries()) {
    if (REST.test(c) && (i > 0 || FIRST.test(c))) continue;
    if (c === '/') return 'contains "/"';
    if (i === 0 && REST.test(c)) return `begins with "${c}"`;
    return `has the character ${shown(c)} at position ${i + 1}`;
  }
  // Unreachable for a string that WHOLE refuses; kept as a sentence, because a wrong message must not hide a refusal.
  return 'is not allowed';
}

function shown(c: string): string {
  if (c === ' ') return '" " (a space)';
  if (c === '\0') return 'NUL';
  return /[\p{C}\p{Z}]/u.test(c) ? `U+${hex(c).padStart(4, '0')}` : JSON.stringify(c);
}

const hex = (c: string): string => (c.codePointAt(0) ?? 0).toString(16).toUpperCase();
