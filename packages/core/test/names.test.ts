import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertName, isName, isVolumeError, NAME_MAX } from '../src/index.ts';

const refusal = (name: unknown, what = 'volume'): string => {
  try {
    assertName(name, what);
  } catch (e) {
    if (!isVolumeError(e, 'invalid')) throw e;
    expect(e.details.path).toBe('name');
    expect(e.text).toContain('letters and digits');
    return e.message;
  }
  throw new Error(`${JSON.stringify(name)} was accepted`);
};

describe('names', () => {
  it.each(['a', 'A', '0', 'data', 'Data.v1', 'test12345', 'a_b-c.d', 'x..y', 'a-', 'n'.repeat(NAME_MAX)])(
    'accepts %s',
    (name) => {
      expect(isName(name)).toBe(true);
      assertName(name);
    },
  );

  it.each([
    ['', 'is empty'],
    ['.', 'means a directory'],
    ['..', 'means a directory'],
    ['../etc', 'begins with "."'],
    ['a/b', 'contains "/"'],
    ['/abs', 'contains "/"'],
    ['-rf', 'begins with "-"'],
    ['_x', 'begins with "_"'],
    ['a b', 'a space) at position 2'],
    ['ab🙂', '"🙂" at position 3'],
    ['a\0b', 'NUL at position 2'],
    ['a\nb', 'U+000A at position 2'],
    ['data\n', 'U+000A at position 5'],
    ['é', '"é" at position 1'],
    ['n'.repeat(300), 'is too long: 300 characters of at most 200'],
    ['🙂'.repeat(150), '"🙂" at position 1'],
    [undefined, 'is not a string (undefined)'],
    [null, 'is not a string (null)'],
    [7, 'is not a string (number)'],
  ])('refuses %j: %s', (name, why) => {
    expect(refusal(name)).toContain(why);
    expect(isName(name)).toBe(false);
  });

  it('names what is named, on one line, whatever the input', () => {
    expect(refusal('a/b', 'snapshot')).toContain('snapshot name "a/b"');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (s) => {
        if (!isName(s)) {
          const message = refusal(s);
          expect(message).not.toMatch(/[\p{C}\u2028\u2029]/u);
          expect(message).not.toContain('is not allowed');
        }
      }),
    );
  });
});
