/**
 * What lies where below the directory of a service.
 *
 *     <name>/                      the content of a volume, and nothing else
 *     .rexray-root                 identity of the place (S9)
 *     .rexray/<name>/              what is known about a volume, beside its content:
 *       id.<inc>                   incarnation: a volume made again under this name has another (S13)
 *       record.<rev>               the record; the highest revision counts
 *       node.<hash>                a node that has it attached
 *       making | removing          by whom; while one of them is there, this is no volume (S12)
 *     .snapshots/<name>/           about.json · id.<inc> · data/
 *     .tmp/<token>…  .trash/<token>…  half-made and removed things, named after the process that has them
 *
 * A name of a volume cannot begin with a dot, so the driver's names never meet it. A directory without an entry below
 * `.rexray` was put there by somebody else: shown, never touched.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isName } from '@rexray/core';

export const ROOT_FILE = '.rexray-root';
export const KNOWN = '.rexray';
export const SNAPSHOTS = '.snapshots';
export const TMP = '.tmp';
export const TRASH = '.trash';
export const DATA = 'data';
export const ABOUT = 'about.json';
export const MAKING = 'making';
export const REMOVING = 'removing';

export const newIncarnation = (): string => randomBytes(6).toString('hex');
export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
export const recordFile = (rev: number): string => `record.${rev}`;
export const nodeFile = (node: string): string => `node.${shortHash(node)}`;
export const toId = (name: string, inc: string): string => `${name}@${inc}`;
export const toForeignId = (entry: string, ino: bigint): string => `${entry}@foreign-${ino}`;

export type ParsedId =
  | { readonly kind: 'own'; readonly name: string; readonly inc: string }
  | { readonly kind: 'foreign'; readonly entry: string; readonly ino: string };

/** undefined for what no volume of this driver can have as its id. */
export function parseId(id: string): ParsedId | undefined {
  const at = id.lastIndexOf('@');
  if (at < 1) return undefined;
  const name = id.slice(0, at);
  const rest = id.slice(at + 1);
  if (/^[0-9a-f]{12}$/.test(rest)) return isName(name) ? { kind: 'own', name, inc: rest } : undefined;
  const ino = /^foreign-(\d+)$/.exec(rest)?.[1];
  if (ino === undefined || name.startsWith('.') || /[/\0]/.test(name)) return undefined;
  return { kind: 'foreign', entry: name, ino };
}

/** What the entries below `.rexray/<name>` say. */
export interface Scan {
  readonly inc: string;
  readonly rev: number;
  readonly nodes: readonly string[];
  readonly making: boolean;
  readonly removing: boolean;
  /** Records that a newer one replaced. */
  readonly old: readonly string[];
}

/** undefined = nothing is known: no incarnation. */
export function readScan(entries: readonly string[]): Scan | undefined {
  const inc = entries.map((e) => /^id\.([0-9a-f]{12})$/.exec(e)?.[1]).find((x) => x !== undefined);
  if (inc === undefined) return undefined;
  const revs = entries.flatMap((e) => (/^record\.\d{1,15}$/.test(e) ? [Number(e.slice(7))] : []));
  const rev = Math.max(0, ...revs);
  return {
    inc,
    rev,
    nodes: entries.filter((e) => /^node\.[0-9a-f]{16}$/.test(e)),
    making: entries.includes(MAKING),
    removing: entries.includes(REMOVING),
    old: revs.filter((r) => r < rev).map(recordFile),
  };
}
