import { describe, expect, it } from 'vitest';
import { readable } from '../src/daemon/readable.ts';
import { aligned, type Column, cells } from '../src/terminal/columns.ts';
import { progressText } from '../src/terminal/progress.ts';
import { colours } from '../src/terminal/style.ts';

const COLUMNS: readonly Column<readonly string[]>[] = [
  { head: 'ID', cell: (r) => r[0] ?? '', gives: 2 },
  { head: 'Name', cell: (r) => r[1] ?? '', gives: 1 },
  { head: 'Size', cell: (r) => r[2] ?? '' },
];
const ROWS = [
  ['a-very-long-id-0123456789', 'data', '16 GiB'],
  ['x', 'a-name-that-is-rather-long-too', '1 MiB'],
];

describe('tables', () => {
  it('are as wide as they are where nobody says how wide', () => {
    expect(aligned(ROWS, COLUMNS, { quiet: false })).toBe(
      [
        'ID                         Name                            Size',
        'a-very-long-id-0123456789  data                            16 GiB',
        'x                          a-name-that-is-rather-long-too  1 MiB',
        '',
      ].join('\n'),
    );
    expect(aligned([], COLUMNS, { quiet: true })).toBe('');
  });

  it.each([200, 80, 60, 40, 30, 20])('fit a terminal of %i columns, and say where they were cut', (width) => {
    const text = aligned(ROWS, COLUMNS, { quiet: false, width });
    for (const line of text.trimEnd().split('\n')) expect(cells(line)).toBeLessThanOrEqual(width);
    expect(text.includes('…')).toBe(width < 65);
    if (width >= 30) expect(text).toContain('16 GiB');
  });

  it('are aligned where a letter is wide or none, and show what would move the cursor', () => {
    expect(cells('日本')).toBe(4);
    expect(cells('e\u0301')).toBe(1);
    const text = aligned(
      [
        ['日本', 'n', '1'],
        ['\u001b[31m\u202e', 'n', '2'],
      ],
      COLUMNS,
      { quiet: true },
    );
    expect(text).toBe('日本                n  1\n\\u{1b}[31m\\u{202e}  n  2\n');
  });
});

describe('colour', () => {
  const io = (tty: boolean, env: Record<string, string> = {}) => ({
    out() {},
    err() {},
    env,
    tty,
    errTty: tty,
    signal: new AbortController().signal,
  });
  it('on a terminal only, and not where somebody asked for none', () => {
    expect(colours(io(true), 'out').head('x')).toBe('\u001b[1mx\u001b[22m');
    for (const other of [io(false), io(true, { NO_COLOR: '1' }), io(true, { TERM: 'dumb' })])
      expect(colours(other, 'out').head('x')).toBe('x');
  });
});

it('progress: how much of how much', () => {
  expect(progressText({ phase: 'copy', done: 2 ** 30, total: 2 ** 32, unit: 'bytes' })).toBe(
    'copy [######------------------]  25 % 1 GiB of 4 GiB',
  );
  expect(progressText({ phase: 'wait', done: 1500, unit: 'ms' })).toBe('wait 1.5 s');
});

it('lines of the log for people; what is none stays', () => {
  const line = '{"level":"info","time":"2026-11-22T20:20:19.547Z","op":"mount","volume":"a b","ms":7.1,"msg":"mount"}';
  expect(readable(line)).toBe('20:20:19.547 INFO  mount op=mount volume="a b" ms=7.1');
  expect(readable('no json')).toBe('no json');
  expect(readable('{"a":1}')).toBe('{"a":1}');
});
