/** The registered keys: what each means, its type, default, names in the environment. Docs, unknown-key hints and typed reads come from these rows. */
import { KEY_ROWS } from './key-rows.ts';
import type { KeyType, KeyTypes } from './values.ts';

export interface KeySpec {
  /** As REX-Ray's documentation spells it; case does not matter. `<name>` stands for what the operator names. */
  readonly key: string;
  readonly type: KeyType;
  /** As it would be written in a file; absent = unset. */
  readonly default?: string;
  readonly meaning: string;
  /** REX-Ray's version that brought it, or `new`. */
  readonly since: string;
  /** Further names in the environment, read after the regular one. */
  readonly env?: readonly string[];
  readonly secret?: boolean;
  /** A word, or a section of keys below it. */
  readonly section?: boolean;
  /** Read and checked, but nothing acts on it in this version. */
  readonly unused?: boolean;
  /**
   * Absent: works. `none`: accepted so that REX-Ray's files load, without effect here, silently.
   * `warn`: likewise, but whoever wrote it expects something (security, a server), so it is said.
   */
  readonly effect?: 'none' | 'warn';
}

export type Row = (typeof KEY_ROWS)[number];
export type Key = Row['key'];
/** Keys of one type, so that a read with the wrong type does not compile. */
export type KeyOf<T extends KeyType> = Extract<Row, { readonly type: T }>['key'];
export type ValueOf<K extends Key> = KeyTypes[Extract<Row, { readonly key: K }>['type']];

export const KEYS: readonly KeySpec[] = KEY_ROWS;

const fixed = new Map(KEYS.filter((k) => !k.key.includes('<')).map((k) => [k.key.toLowerCase(), k]));
const patterns = KEYS.filter((k) => k.key.includes('<')).map((spec) => ({
  spec,
  parts: spec.key.toLowerCase().split('.'),
}));

/** The row of a key, in any case; also of one below a name (`rexray.modules.web.host`). */
export function keySpec(key: string): KeySpec | undefined {
  const path = key.toLowerCase();
  const hit = fixed.get(path);
  if (hit !== undefined) return hit;
  const parts = path.split('.');
  return patterns.find(
    (p) => p.parts.length === parts.length && p.parts.every((part, i) => part.startsWith('<') || part === parts[i]),
  )?.spec;
}

/** Names in the environment, first wins: dots and dashes as `_`, then REX-Ray's own form, which keeps dashes. */
export function envNames(key: string): readonly string[] {
  if (key.includes('<')) return [];
  const upper = key.toUpperCase().replaceAll('.', '_');
  return [...new Set([upper.replaceAll('-', '_'), upper, ...(keySpec(key)?.env ?? [])])];
}
