import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  formatBytes,
  GIB,
  gib,
  isVolumeError,
  KIB,
  MIB,
  mib,
  parseSize,
  type Size,
  TIB,
  toBytes,
} from '../src/index.ts';

const refused = (body: () => unknown): string => {
  try {
    body();
  } catch (e) {
    if (isVolumeError(e, 'invalid')) return e.text;
    throw e;
  }
  throw new Error('was accepted');
};

describe('sizes', () => {
  it.each([
    ['16GiB', 16 * GIB],
    ['16G', 16 * GIB],
    ['10g', 10 * GIB],
    ['512MiB', 512 * MIB],
    ['512mib', 512 * MIB],
    ['4k', 4 * KIB],
    ['1t', TIB],
    ['5GB', 5e9],
    ['5gb', 5e9],
    ['5kB', 5000],
    ['100B', 100],
    [' 1.5 GiB ', 1.5 * GIB],
    ['1.1GiB', Math.ceil(1.1 * GIB)],
    ['0g', 0],
  ] as [string, number][])('%s', (text, n) => {
    expect(parseSize(text)).toBe(n);
  });

  it('a number without a unit means what the wire says, or nothing', () => {
    expect(parseSize('16', { bare: 'GiB' })).toBe(16 * GIB);
    expect(parseSize('16', { bare: 'B' })).toBe(16);
    expect(refused(() => parseSize('16'))).toContain('the unit is missing');
  });

  it.each([
    '',
    'GiB',
    '-1g',
    '1e3g',
    '0x10g',
    '1,5g',
    '5 iB',
    '1.5B',
    '1.5',
    '9'.repeat(30),
    `${'9'.repeat(400)}t`,
    '5gg',
    '5bg',
    'NaN',
    '٣g',
    '1.g',
  ])('refuses %j and names the key', (text) => {
    expect(refused(() => parseSize(text, { bare: 'B', path: 'SIZE' }))).toContain('SIZE');
  });

  it('whatever the text: a whole number of bytes or `invalid`', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,20}(\.\d{1,5})? ?[kmgtKMGT]?i?[bB]?$/)), (text) => {
        try {
          expect(Number.isSafeInteger(parseSize(text, { bare: 'GiB' }))).toBe(true);
        } catch (e) {
          if (!isVolumeError(e, 'invalid')) throw e;
        }
      }),
    );
  });

  it('units that fit come back exactly; others within a hundredth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 20 }), fc.constantFrom(1, KIB, MIB, GIB), (n, unit) => {
        const size = n * unit;
        const back = parseSize(formatBytes(size));
        expect(Math.abs(back - size)).toBeLessThanOrEqual(size * 0.01);
        if (size < KIB || size % TIB === 0) expect(back).toBe(size);
      }),
    );
    for (const n of [16 * GIB, 300 * MIB, 1.5 * TIB, KIB, 1, 0]) expect(parseSize(formatBytes(n))).toBe(n);
  });

  it('never gives less than was asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999 }), (n) => {
        expect(parseSize(`${n / 1000}GiB`)).toBeGreaterThanOrEqual(Math.floor((n * GIB) / 1000));
      }),
    );
  });

  it('makes bytes of numbers, and refuses what is none', () => {
    expect([mib(3), gib(2)]).toEqual([3 * MIB, 2 * GIB]);
    expect(toBytes(bytes(5_000_000))).toBe(5_000_000);
    expect(toBytes('2MiB')).toBe(2 * MIB);
    for (const n of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(refused(() => bytes(n))).toContain(String(n));
    expect(refused(() => toBytes(1.5 as unknown as Size))).toContain('1.5');
    expect(refused(() => toBytes(16 as unknown as Size))).toContain('16 means 16 bytes');
    expect(refused(() => toBytes(undefined as unknown as Size))).toContain('is missing');
  });

  it('shows them to people', () => {
    expect([0, 1, 1023, KIB, 1536, 16 * GIB, 1.5 * TIB, 5e9].map(formatBytes)).toEqual([
      '0 B',
      '1 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '16 GiB',
      '1.5 TiB',
      '4.66 GiB',
    ]);
  });
});
