import { format } from './printf.ts';
import { wrong } from './tokens.ts';
import { shown, truth } from './values.ts';

type Fn = (...args: readonly unknown[]) => unknown;

const number = (v: unknown): number => {
  if (typeof v === 'number') return v;
  throw wrong(`${JSON.stringify(v)} is not a number`);
};
const compare = (a: unknown, b: unknown): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : shown(a) < shown(b) ? -1 : shown(a) > shown(b) ? 1 : 0;
const length = (v: unknown): number => {
  if (typeof v === 'string' || Array.isArray(v)) return v.length;
  if (typeof v === 'object' && v !== null) return Object.keys(v).length;
  throw wrong(`len: ${shown(v) || 'nothing'} has no length`);
};
const at = (v: unknown, key: unknown): unknown => {
  if (Array.isArray(v)) {
    const i = number(key);
    if (i < 0 || i >= v.length) throw wrong(`index ${i} is outside a list of ${v.length}`);
    return v[i];
  }
  return typeof v === 'object' && v !== null ? (v as Record<string, unknown>)[shown(key)] : undefined;
};

/** The functions of the subset; Go's own, and `json`, `join`, `upper`, `lower`, which Docker added. */
const FUNCTIONS: Readonly<Record<string, Fn>> = {
  printf: (f, ...args) => format(shown(f), args),
  print: (...args) => args.map(shown).join(''),
  println: (...args) => `${args.map(shown).join(' ')}\n`,
  json: (v) => JSON.stringify(v ?? null),
  len: length,
  index: (v, ...keys) => keys.reduce(at, v),
  join: (list, sep) => (Array.isArray(list) ? list.map(shown).join(shown(sep)) : shown(list)),
  upper: (v) => shown(v).toUpperCase(),
  lower: (v) => shown(v).toLowerCase(),
  eq: (a, ...others) => others.some((b) => shown(a) === shown(b)),
  ne: (a, b) => shown(a) !== shown(b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  and: (...args) => args.find((a) => !truth(a)) ?? args.at(-1),
  or: (...args) => args.find(truth) ?? args.at(-1),
  not: (v) => !truth(v),
};

/** @throws VolumeError `invalid` for a function that is not in the subset */
export function call(name: string, args: readonly unknown[]): unknown {
  const fn = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (fn === undefined) throw wrong(`there is no function "${name}"`);
  return fn(...args);
}
