/** Text to values: as Go's viper and cast read them where REX-Ray documents it, refused where they would silently read 0. */
import { type Bytes, FS_TYPES, type FsType, isVolumeError, parseSize } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { invalid, type Place } from './invalid.ts';

/** What a key may hold, as TypeScript sees it once read. */
export interface KeyTypes {
  bool: boolean;
  int: number;
  /** Milliseconds. */
  duration: number;
  string: string;
  /** A path on this host: `$VAR` is expanded in files, relative ones are made absolute. */
  path: string;
  /** Space separated, or a list. */
  list: readonly string[];
  /** A list of paths on this host. */
  paths: readonly string[];
  /** Permission bits. */
  mode: number;
  /** A number alone is GiB. */
  size: Bytes;
  fsType: FsType;
  logLevel: LogLevel;
}
export type KeyType = keyof KeyTypes;

export const LOG_LEVELS = ['panic', 'fatal', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const EXPECTED: Readonly<Record<KeyType, string>> = {
  bool: 'true or false',
  int: 'a whole number',
  duration: 'a duration such as 100ms, 5s or 2m',
  string: 'a text',
  path: 'a path',
  list: 'a list, or words with spaces between',
  paths: 'a list of paths, or paths with spaces between',
  mode: 'permission bits in octal with a leading zero, such as 0700',
  size: 'a size such as 16 (GiB), 10g or 512MiB',
  fsType: `one of ${FS_TYPES.join(', ')}`,
  logLevel: `one of ${LOG_LEVELS.join(', ')}`,
};

/** What to blame in an error. */
export interface Blame {
  readonly key: string;
  readonly secret?: boolean;
  readonly place?: Place;
}

const TRUE = new Set(['1', 't', 'true', 'y', 'yes', 'on']);
const FALSE = new Set(['0', 'f', 'false', 'n', 'no', 'off']);

/** Go's ParseBool, and the words that YAML 1.1 (REX-Ray's parser) takes for booleans. */
export function parseBool(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = String(value).trim().toLowerCase();
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's ParseDuration, in milliseconds; negative ones and numbers without a unit (other than 0) are refused. */
export function parseDuration(value: unknown): number | undefined {
  const text = String(value).trim().replace(/^\+/, '');
  if (text === '0') return 0;
  if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/.test(text))
    return undefined;
  let ms = 0;
  for (const [, digits, , , unit] of text.matchAll(/(\d+(\.\d*)?|(\.\d+))(ns|us|µs|μs|ms|s|m|h)/g))
    ms += Number(digits) * (UNIT_MS[unit ?? ''] ?? 0);
  return ms;
}

function parseInteger(value: unknown): number | undefined {
  const text = String(value).trim();
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const n = Number(text);
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined;
}

/** Only what cannot be mistaken: 700 without its zero would be 0o1274 to REX-Ray. */
function parseMode(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 && value <= 0o7777 ? value : undefined;
  const m = /^0o?([0-7]{1,4})$/i.exec(String(value).trim());
  return m?.[1] === undefined ? undefined : Number.parseInt(m[1], 8);
}

export function parseList(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value))
    return value.every((v) => ['string', 'number', 'boolean'].includes(typeof v)) ? value.map(String) : undefined;
  return typeof value === 'string' ? value.split(/\s+/).filter((w) => w !== '') : undefined;
}

const scalar = (value: unknown): string | undefined =>
  ['string', 'number', 'boolean', 'bigint'].includes(typeof value) ? String(value) : undefined;

function oneOf<T extends string>(all: readonly T[], value: unknown): T | undefined {
  const text = String(value).trim().toLowerCase();
  return all.find((x) => x === text);
}

const readers: { readonly [T in KeyType]: (value: unknown, blame: Blame) => KeyTypes[T] | undefined } = {
  bool: parseBool,
  int: parseInteger,
  duration: parseDuration,
  string: scalar,
  path: scalar,
  list: parseList,
  paths: parseList,
  mode: parseMode,
  size: (value, { key }) => sizeOf(value, key),
  fsType: (value) => oneOf(FS_TYPES, value),
  logLevel: (value) => oneOf(LOG_LEVELS, String(value).trim().toLowerCase() === 'warning' ? 'warn' : value),
};

function sizeOf(value: unknown, key: string): Bytes | undefined {
  try {
    const size = parseSize(String(value), { bare: 'GiB', path: key });
    return size > 0 ? size : undefined;
  } catch (e) {
    if (isVolumeError(e)) return undefined;
    throw e;
  }
}

/** Reads a raw value as a type. @throws VolumeError `invalid` with key, value (never a secret one), place and what is expected */
export function read<T extends KeyType>(type: T, value: unknown, blame: Blame): KeyTypes[T] {
  const got = readers[type](value, blame);
  if (got !== undefined) return got;
  throw invalid({ ...blame, value, expected: EXPECTED[type], ...hintFor(type, value) });
}

function hintFor(type: KeyType, value: unknown): { hint?: string } {
  const text = String(value);
  if (type === 'duration' && /^\d+$/.test(text)) return { hint: `Write the unit: ${text}s or ${text}ms.` };
  if (type === 'mode' && /^[0-7]{3,4}$/.test(text)) return { hint: `Write 0${text}.` };
  const choices: readonly string[] = type === 'fsType' ? FS_TYPES : type === 'logLevel' ? LOG_LEVELS : [];
  const near = nearest(text, choices);
  return near.length > 0 ? { hint: `Did you mean ${near.join(' or ')}?` } : {};
}
