import {
  type Bytes,
  type InitialRecord,
  type NodeAttachment,
  nextRecord,
  type RecordPatch,
  VolumeError,
  type VolumeRecord,
} from '@rexray/core';
import { changed } from './errors.ts';
import * as files from './files.ts';
import { KNOWN, newIncarnation, nodeFile, readScan, recordFile, type Scan } from './layout.ts';
import type { Place } from './place.ts';

/** What a record file holds. */
export interface Stored {
  readonly sizeBytes: Bytes;
  readonly createdAt: string;
  /** What it was copied or adopted from: a repeated verb finds its own result. */
  readonly origin?: string;
  /** Tells this record from another of its number; `after` is that of the one it was made from. */
  readonly nonce: string;
  readonly after?: string;
  readonly record: InitialRecord;
}
export interface Kept extends Omit<Stored, 'record'> {
  readonly record: VolumeRecord;
}

export const sidecar = (place: Place, name: string, ...parts: string[]): string => place.path(KNOWN, name, ...parts);

export async function scan(place: Place, name: string): Promise<Scan | undefined> {
  const found = await files.entries(sidecar(place, name));
  return found === undefined ? undefined : readScan(found);
}

/** The highest record; scans again where it was replaced meanwhile. @throws VolumeError `data_loss` */
export async function readRecord(place: Place, name: string, s: Scan): Promise<Kept | undefined> {
  let now: Scan | undefined = s;
  for (let tries = 0; now !== undefined && now.inc === s.inc && tries < 20; tries++) {
    const path = sidecar(place, name, recordFile(now.rev));
    const text = await files.readText(path);
    if (text !== undefined) return parse(text, now.rev, path);
    now = await scan(place, name);
  }
  return undefined;
}

function parse(text: string, rev: number, path: string): Kept {
  try {
    const stored = JSON.parse(text) as Stored;
    if (typeof stored.record.format.state !== 'string' || !Number.isSafeInteger(stored.sizeBytes))
      throw new Error('fields');
    return { ...stored, record: { ...stored.record, revision: String(rev) } };
  } catch (cause) {
    throw new VolumeError('data_loss', `The record ${path} does not verify.`, {
      details: { found: text.slice(0, 80), expected: 'a record' },
      hint: 'Nothing was changed; the content is untouched. Restore the record from a backup.',
      cause,
    });
  }
}

/** Compare-and-swap: whoever makes the next number won. @throws VolumeError `busy`, `data_loss` */
export async function swapRecord(
  place: Place,
  name: string,
  s: Scan,
  change: { readonly patch: RecordPatch; readonly ifRevision?: string; readonly sizeBytes?: Bytes },
): Promise<void> {
  const current = await readRecord(place, name, s);
  if (current === undefined) throw changed(name);
  const rev = Number(current.record.revision) + 1;
  const ifRevision = change.ifRevision ?? current.record.revision;
  const { revision: _, ...record } = nextRecord(current.record, change.patch, { ifRevision, revision: String(rev) });
  const { sizeBytes = current.sizeBytes } = change;
  const next: Stored = { ...current, record, sizeBytes, nonce: newIncarnation(), after: current.nonce };
  const tmp = place.scratch();
  try {
    await files.makeFile(tmp, JSON.stringify(next));
    if (!(await files.hardLink(tmp, sidecar(place, name, recordFile(rev))))) throw changed(name);
    await files.syncDir(sidecar(place, name));
  } finally {
    await files.drop(tmp);
  }
  await settle(place, name, s.inc, rev, next.nonce);
}

/** A straggler can make a number that had come and gone: it finds a higher one that was not made from its own, and has changed nothing. */
async function settle(place: Place, name: string, inc: string, rev: number, nonce: string): Promise<void> {
  const now = await scan(place, name);
  if (now === undefined || now.inc !== inc) throw changed(name);
  if (now.rev > rev) {
    const newer = await readRecord(place, name, now);
    if (now.rev > rev + 1 || newer?.after !== nonce) throw changed(name);
  }
  for (const old of now.old) await files.drop(sidecar(place, name, old));
}

export async function readNodes(place: Place, name: string, s: Scan): Promise<NodeAttachment[]> {
  const all = await Promise.all(s.nodes.map((n) => files.readText(sidecar(place, name, n))));
  return all
    .flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as NodeAttachment]))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

export async function writeNode(place: Place, name: string, a: NodeAttachment): Promise<void> {
  const tmp = place.scratch();
  await files.makeFile(tmp, JSON.stringify(a));
  if (!(await files.moveAway(tmp, sidecar(place, name, nodeFile(a.node))))) throw changed(name);
  await files.syncDir(sidecar(place, name));
}

export async function dropNode(place: Place, name: string, node: string): Promise<void> {
  if (await files.drop(sidecar(place, name, nodeFile(node)))) await files.syncDir(sidecar(place, name));
}
