import { type Bytes, bytes, type DriverVolume, emptyRecord, notFound, VolumeError } from '@rexray/core';
import type { LocalDirParams } from './config.ts';
import { notOurs } from './errors.ts';
import * as files from './files.ts';
import { KNOWN, parseId, type Scan, toForeignId, toId } from './layout.ts';
import type { Place } from './place.ts';
import { type Kept, readNodes, readRecord, scan } from './sidecar.ts';

export type Volume = DriverVolume<LocalDirParams>;

/** A volume of ours as it lies there. */
export interface Known {
  readonly name: string;
  readonly scan: Scan;
  readonly kept: Kept;
}

/** undefined = no volume of ours has the name; what is half made or half removed is none. */
export async function known(place: Place, name: string): Promise<Known | undefined> {
  const s = await scan(place, name);
  if (s === undefined || s.making || s.removing) return undefined;
  const kept = await readRecord(place, name, s);
  return kept === undefined ? undefined : { name, scan: s, kept };
}

/** @throws VolumeError `not_found`, `denied` for what is not ours */
export async function byId(place: Place, id: string): Promise<Known> {
  const p = parseId(id);
  if (p?.kind === 'foreign') {
    if ((await foreign(place, p.entry))?.id === id) throw notOurs(p.entry);
    throw notFound('Volume', id);
  }
  const k = p === undefined ? undefined : await known(place, p.name);
  if (k === undefined || k.scan.inc !== p?.inc) throw notFound('Volume', id);
  return k;
}

/** @throws VolumeError `data_loss` where the content is missing or is no directory */
export async function assertContent(place: Place, name: string): Promise<string> {
  const dir = place.path(name);
  // Never what a symbolic link points to: it may point out of the tree (S20).
  const st = await files.stat(dir);
  if (st?.isDirectory() === true) return dir;
  const found = st === undefined ? 'nothing' : st.isSymbolicLink() ? 'a symbolic link' : 'no directory';
  throw new VolumeError('data_loss', `The content of volume "${name}" is not at ${dir}: there is ${found}.`, {
    details: { found, expected: 'a directory' },
    hint: 'Nothing was changed. Put the directory back, or remove the volume.',
  });
}

export async function describe(place: Place, k: Known, enforced: boolean): Promise<Volume> {
  const { name, kept } = k;
  return {
    id: toId(name, k.scan.inc),
    name,
    sizeBytes: kept.sizeBytes,
    createdAt: kept.createdAt,
    attachments: await readNodes(place, name, k.scan),
    record: kept.record,
    params: {},
    status: { path: place.path(name), sizeEnforced: enforced },
  };
}

/** A directory that somebody else put there; undefined for links, files and our own. */
export async function foreign(place: Place, entry: string): Promise<Volume | undefined> {
  if (entry.startsWith('.') || (await scan(place, entry)) !== undefined) return undefined;
  const st = await files.stat(place.path(entry));
  if (st === undefined || !st.isDirectory()) return undefined;
  return {
    id: toForeignId(entry, st.ino),
    name: entry,
    sizeBytes: bytes(0) as Bytes,
    attachments: [],
    record: { ...emptyRecord({ state: 'none' }), revision: 'foreign' },
    params: {},
    foreign: true,
    status: { path: place.path(entry) },
  };
}

/** Every name that there is, ours and others', in the order in which they are listed. */
export async function names(place: Place): Promise<string[]> {
  const ours = (await files.entries(place.path(KNOWN))) ?? [];
  const dirs = ((await files.entries(place.root)) ?? []).filter((e) => !e.startsWith('.'));
  return [...new Set([...ours, ...dirs])].sort();
}

export const anyByName = async (place: Place, name: string, enforced: boolean): Promise<Volume | undefined> => {
  const k = await known(place, name);
  return k === undefined ? foreign(place, name) : describe(place, k, enforced);
};
