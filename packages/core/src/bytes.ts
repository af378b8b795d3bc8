import { VolumeError } from './errors.ts';

/** A number of bytes. Branded, so that GiB and bytes cannot be mixed up: make one with {@link bytes}, {@link gib}, {@link mib} or {@link parseSize}. */
export type Bytes = number & { readonly __unit: 'bytes' };

type Letter = 'K' | 'M' | 'G' | 'T' | 'k' | 'm' | 'g' | 't';
/** Units that a size string may carry. `GiB` and a lone letter are binary (1024), `GB` is decimal (1000). */
export type SizeUnit = 'B' | Letter | `${Letter}iB` | `${Letter}B`;
/** What the SDK accepts as a size. A bare number does not compile: 16 of what? */
export type Size = Bytes | `${number}${SizeUnit}`;

export const KIB = 1024;
export const MIB = KIB * 1024;
export const GIB = MIB * 1024;
export const TIB = GIB * 1024;

/** Brands a whole, non-negative number of bytes. @throws VolumeError `invalid` for anything else. */
export function bytes(n: number): Bytes {
  if (!Number.isSafeInteger(n) || n < 0) {
    throw new VolumeError(
      'invalid',
      `${n} is not a size in bytes: it must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`,
      {
        details: { path: 'size', value: n, expected: 'whole number of bytes' },
      },
    );
  }
  return n as Bytes;
}
export const mib = (n: number): Bytes => bytes(n * MIB);
export const gib = (n: number): Bytes => bytes(n * GIB);

const POWER: Record<string, number> = { '': 0, K: 1, M: 2, G: 3, T: 4 };
const PATTERN = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*$/i;

/**
 * Reads a size as people and REX-Ray's options write it: `16GiB`, `10g`, `512MiB`, `5GB` (decimal).
 * @param bare unit of a number without one; `invalid` where it is absent. REX-Ray's wires pass `'GiB'`.
 * @param path what to call the value in the error, for instance the option's key.
 * @throws VolumeError `invalid` naming `path`, the value and what is expected.
 */
export function parseSize(text: string, o: { bare?: 'GiB' | 'B'; path?: string } = {}): Bytes {
  const path = o.path ?? 'size';
  const fail = (why: string): never => {
    throw new VolumeError('invalid', `${path}: "${text}" is not a size: ${why}.`, {
      details: { path, value: text, expected: 'a size such as 16GiB, 512MiB, 10g or 5GB' },
      hint: o.bare === 'GiB' ? 'Write 16 (GiB), 10g, 512MiB or 5GB.' : 'Write 16GiB, 10g, 512MiB or 5GB.',
    });
  };
  const m = PATTERN.exec(text);
  if (!m) return fail('expected a number and a unit');
  const [, digits = '', letter = '', suffix = ''] = m;
  let factor: number;
  if (letter === '' && suffix === '') {
    if (o.bare === undefined) return fail('the unit is missing');
    factor = o.bare === 'GiB' ? GIB : 1;
  } else {
    const base = suffix.toLowerCase() === 'b' && letter !== '' ? 1000 : 1024;
    if (letter === '' && suffix.toLowerCase() === 'ib') return fail('the unit is missing');
    factor = base ** (POWER[letter.toUpperCase()] ?? 0);
  }
  const value = Number(digits) * factor;
  if (factor === 1 && !Number.isInteger(value)) return fail('half a byte is none');
  // 1.1GiB is no whole number of bytes: up, so that nobody gets less than was asked.
  const whole = Math.max(0, Math.ceil(value - 1e-6));
  if (!Number.isSafeInteger(whole)) return fail('it is too large');
  return bytes(whole);
}

/** Below this a number is no size of a volume, but GiB whose unit was forgotten. */
const LEAST = 1024;

/** A {@link Size} of a volume as bytes. @throws VolumeError `invalid`, also for a number that can only mean another unit */
export function toBytes(size: Size, path = 'size'): Bytes {
  if (typeof size === 'string') return parseSize(size, { path });
  const found = size as unknown;
  if (typeof found === 'number' && (found < 0 || found >= LEAST || !Number.isInteger(found))) return bytes(found);
  const why = typeof found === 'number' ? `means ${found} bytes` : found === undefined ? 'is missing' : 'is not a size';
  throw new VolumeError('invalid', `${path}: ${found === undefined ? '' : `${JSON.stringify(found)} `}${why}.`, {
    details: { path, value: found, expected: 'a size such as 16GiB, 512MiB, 10g or 5GB' },
    hint:
      typeof found === 'number' ? `Write '${found}GiB' or gib(${found}).` : "Write '16GiB', '10g', '512MiB' or '5GB'.",
  });
}

// Whole numbers are most of them; toFixed, or a loop over the units, is most of what a long listing would cost.
const inUnit = (n: number, factor: number, unit: string): string =>
  `${n % factor === 0 ? n / factor : Number((n / factor).toFixed(2))} ${unit}`;

/** Bytes for a person: `16 GiB`, `512 MiB`, `1.5 GiB`; never rounds to 0. */
export function formatBytes(n: number): string {
  if (n >= TIB) return inUnit(n, TIB, 'TiB');
  if (n >= GIB) return inUnit(n, GIB, 'GiB');
  if (n >= MIB) return inUnit(n, MIB, 'MiB');
  return n >= KIB ? inUnit(n, KIB, 'KiB') : `${n} B`;
}
