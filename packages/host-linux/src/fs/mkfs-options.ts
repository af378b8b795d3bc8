import { type FsType, VolumeError } from '@rexray/core';

/** What a value may look like, and what it becomes. */
interface Option {
  readonly pattern: RegExp;
  readonly expected: string;
  argv(value: string): readonly string[];
}

const option = (pattern: RegExp, expected: string, argv: Option['argv']): Option => ({ pattern, expected, argv });
const label = (max: number, flag: string): Option =>
  option(new RegExp(`^[A-Za-z0-9._-]{1,${max}}$`), `at most ${max} letters, digits, dots, dashes`, (v) => [flag, v]);

/**
 * All that may be said to mkfs (S21). A name that is not here is refused: among mkfs's own options are some that write
 * to other devices (`-l logdev=`) or read the host's files (`-d`).
 */
export const MKFS_OPTIONS: Readonly<Record<FsType, Readonly<Record<string, Option>>>> = {
  ext4: {
    label: label(16, '-L'),
    blockSize: option(/^(1024|2048|4096)$/, '1024, 2048 or 4096', (v) => ['-b', v]),
    inodeSize: option(/^(256|512|1024)$/, '256, 512 or 1024', (v) => ['-I', v]),
    inodeRatio: option(/^([1-9]\d{3,7})$/, 'bytes for each inode, 1000 to 99999999', (v) => ['-i', v]),
    reservedPercent: option(/^([0-9]|[1-4][0-9]|50)$/, '0 to 50', (v) => ['-m', v]),
  },
  xfs: {
    label: label(12, '-L'),
    blockSize: option(/^(1024|2048|4096)$/, '1024, 2048 or 4096', (v) => ['-b', `size=${v}`]),
    inodeSize: option(/^(512|1024|2048)$/, '512, 1024 or 2048', (v) => ['-i', `size=${v}`]),
    reflink: option(/^[01]$/, '0 or 1', (v) => ['-m', `reflink=${v}`]),
  },
  btrfs: {
    label: label(64, '-L'),
    nodeSize: option(/^(4096|8192|16384|32768|65536)$/, '4096 to 65536, a power of two', (v) => ['-n', v]),
    metadata: option(/^(single|dup)$/, 'single or dup', (v) => ['-m', v]),
  },
};

/** @throws `invalid` naming the option, the value and what is expected */
export function mkfsOptionArgs(fsType: FsType, options: Readonly<Record<string, string>>): readonly string[] {
  const table = MKFS_OPTIONS[fsType];
  return Object.entries(options).flatMap(([name, value]) => {
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (known === undefined) {
      throw new VolumeError('invalid', `"${name}" is not an option of ${fsType}.`, {
        details: { path: `mkfs.${name}`, value, expected: Object.keys(table).join(', ') },
        hint: `Options of ${fsType} are ${Object.keys(table).join(', ')}.`,
      });
    }
    if (typeof value !== 'string' || !known.pattern.test(value)) {
      throw new VolumeError('invalid', `${name}: "${value}" is not valid for ${fsType}: expected ${known.expected}.`, {
        details: { path: `mkfs.${name}`, value, expected: known.expected },
      });
    }
    return known.argv(value);
  });
}
