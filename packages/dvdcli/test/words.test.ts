import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../src/command-line.ts';
import { milliseconds } from '../src/duration.ts';
import { VERSION } from '../src/version.ts';
import { wordsOf } from '../src/words.ts';

const failing = (f: () => unknown): { code: string; message: string } => {
  try {
    f();
  } catch (e) {
    return e as never;
  }
  throw new Error('it did not fail');
};

describe('the command line', () => {
  const full = { command: 'mount', driver: 'ebs', name: 'v', options: [['size', '5']] };
  it.each([
    ['as Mesos writes it', ['mount', '--volumedriver=ebs', '--volumename=v', '--volumeopts=size=5']],
    ['flags first', ['--volumedriver=ebs', '--volumename=v', 'mount', '--volumeopts=size=5']],
    ['values as words of their own', ['--volumedriver', 'ebs', 'mount', '--volumename', 'v', '--volumeopts', 'size=5']],
    ['other case', ['--volumeDriver=ebs', '--VOLUMENAME=v', 'mount', '--VolumeOpts=size=5']],
    ['the name as a word', ['mount', 'v', '--volumedriver=ebs', '--volumeopts=size=5']],
  ])('%s', (_, argv) => {
    expect(readCommandLine(argv)).toMatchObject(full);
  });

  it.each([
    [['--explicitcreate'], true],
    [['--explicitCreate=true'], true],
    [['--explicitCreate'], true],
    [['--explicitcreate=false'], false],
    [[], false],
  ])('explicit create: %j is %s', (flags, explicit) => {
    expect(readCommandLine(['mount', 'v', ...flags]).explicit).toBe(explicit);
  });

  it.each([
    [
      ['a=1', 'b=2'],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      ['a=1,b=2'],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      ['o=addr=10.0.0.1,x=y=z'],
      [
        ['o', 'addr=10.0.0.1'],
        ['x', 'y=z'],
      ],
    ],
    [
      ['o="addr=1,rw",b=2'],
      [
        ['o', 'addr=1,rw'],
        ['b', '2'],
      ],
    ],
    [["'o=addr=1,rw'"], [['o', 'addr=1,rw']]],
    [['flag'], [['flag', '']]],
    [[''], []],
  ])('options %j', (given, options) => {
    expect(readCommandLine(['create', 'v', ...given.map((g) => `--volumeopts=${g}`)]).options).toEqual(options);
  });

  it('the driver is rexray where none or an empty one is named', () => {
    expect(readCommandLine(['list']).driver).toBe('rexray');
    expect(readCommandLine(['list', '--volumedriver=']).driver).toBe('rexray');
  });

  it.each([
    [['mont']],
    [['mount', '--volumname=x']],
    [['mount', 'a', 'b']],
    [['mount', '--volumename']],
    [['mount', 'v', '--explicitcreate=perhaps']],
    [['mount', 'v', '--timeout=soon']],
    [['mount', 'v', '--timeout=0']],
    [['create', 'v', '--volumeopts=o="x']],
  ])('%j is invalid', (argv) => {
    expect(failing(() => readCommandLine(argv)).code).toBe('invalid');
  });

  it('after -- nothing is a flag', () => {
    expect(readCommandLine(['get', '--', '--odd']).name).toBe('--odd');
  });

  it('a line of standard input adds to what stands around it', () => {
    const given = readCommandLine(['mount', '--volumedriver=ebs', '--volumeopts=size=5', '--explicitcreate', '-']);
    expect(given.stdin).toBe(true);
    expect(readCommandLine(['a', '--volumeopts=iops=1'], given)).toMatchObject({
      command: 'mount',
      driver: 'ebs',
      name: 'a',
      explicit: true,
      options: [
        ['size', '5'],
        ['iops', '1'],
      ],
    });
    expect(readCommandLine(['b', '--volumedriver=x', '--explicitcreate=false'], given)).toMatchObject({
      driver: 'x',
      explicit: false,
    });
  });
});

it.each([
  ['30s', 30_000],
  ['2m', 120_000],
  ['500ms', 500],
  ['7', 7000],
  ['1.5s', 1500],
  ['1h', 3_600_000],
  ['', undefined],
  ['x', undefined],
  ['-1s', undefined],
])('a time: %j is %s ms', (text, ms) => expect(milliseconds(text)).toBe(ms));

describe('words of a line', () => {
  it.each([
    ['mount a', ['mount', 'a']],
    ['  mount\t"a b"  ', ['mount', 'a b']],
    [`--volumeopts='o="a,b"' x`, ['--volumeopts=o="a,b"', 'x']],
    ['a\\ b', ['a b']],
    ['"a\\"b"', ['a"b']],
    ["''", ['']],
    ['# a comment', []],
    ['a#b # c', ['a#b']],
    ['$HOME *', ['$HOME', '*']],
  ])('%s', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });
  it('a quote that is not closed is invalid', () => {
    expect(failing(() => wordsOf('a "b')).code).toBe('invalid');
  });
});

it('the version is that of the package', () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
});
