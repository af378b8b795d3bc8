import { readFileSync, statSync } from 'node:fs';
import type { MountEntry } from '@rexray/core';
import { devnoOf } from '@rexray/kernel';

/** Space, tab, newline, backslash and `#` are written as three octal digits (proc(5)). */
const unescapeOctal = (s: string): string =>
  s.includes('\\')
    ? s.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : s;

/** Bytes that are not UTF-8 stay distinct: the table is read as latin1 and converted once per field. */
const text = (latin1: string): string => Buffer.from(unescapeOctal(latin1), 'latin1').toString('utf8');

/** A row with what only this package needs to know. */
export interface TableRow extends MountEntry {
  /** Peer group of a shared mount: its copies in other namespaces are of the same. Absent: private. */
  readonly peers?: string;
}

/** Rows of a `mountinfo` file given as latin1 text, in table order: of two at one target the later one is on top. */
export function parseMountinfo(latin1: string): TableRow[] {
  const rows: TableRow[] = [];
  for (const line of latin1.split('\n')) {
    const f = line.split(' ');
    const dash = f.indexOf('-', 6);
    if (dash < 0) continue;
    const [id = '', , devno = '', root = '', target = '', options = ''] = f;
    const peers = f.slice(6, dash).find((x) => x.startsWith('shared:'));
    const [fsType = '', source = '', superOptions = ''] = f.slice(dash + 1);
    rows.push({
      mountId: Number(id),
      devno,
      root: text(root),
      target: text(target),
      fsType: text(fsType),
      source: text(source),
      readonly: hasRo(options) || hasRo(superOptions),
      ...(peers !== undefined && { peers }),
    });
  }
  return rows;
}

const hasRo = (options: string): boolean => options === 'ro' || options.startsWith('ro,');

/**
 * btrfs shows a made-up device number in the table; its source names the device. With this, `devno` always says which
 * block device is mounted.
 */
function withDevice(row: TableRow): TableRow {
  if (row.fsType !== 'btrfs' || !row.source.startsWith('/dev/')) return row;
  try {
    return { ...row, devno: devnoOf(statSync(row.source).rdev) };
  } catch {
    return row;
  }
}

/** The mount table of a process (`self`, or the folder of another in /proc). @throws node's ENOENT when it ended */
export const readMounts = (proc = '/proc/self'): TableRow[] =>
  parseMountinfo(readFileSync(`${proc}/mountinfo`, 'latin1')).map(withDevice);

/** The mount on top at a target. */
export const mountAt = (rows: readonly TableRow[], target: string): TableRow | undefined =>
  rows.findLast((r) => r.target === target);
