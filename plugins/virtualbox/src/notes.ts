import { randomBytes } from 'node:crypto';
import type { InitialRecord, VolumeRecord } from '@rexray/core';
import type { Client, Disk, Patience } from './client.ts';
import { type Format, isFormat } from './names.ts';
import { Place } from './place.ts';

/** What is kept about a volume: as a note under its name and id, and as it began in the description of its disk. */
export interface VolumeNote {
  readonly kind: 'volume';
  readonly name: string;
  /** File below the directory of the volumes. */
  readonly file: string;
  readonly format: Format;
  readonly fixed: boolean;
  readonly createdAt: string;
  readonly record: VolumeRecord;
  /** Id of the volume or snapshot that it was copied from. */
  readonly from?: string;
  /** The last takeover. */
  readonly taken?: { readonly from: readonly string[]; readonly by: string; readonly at: string };
}

export interface SnapshotNote {
  readonly kind: 'snapshot';
  readonly name: string;
  readonly file: string;
  readonly createdAt: string;
  readonly sizeBytes: number;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly record: VolumeRecord;
  readonly consistency: 'clean' | 'crash';
}
export type Note = VolumeNote | SnapshotNote;

/** Each is another one: a record that changes gets another revision. */
export const revision = (): string => randomBytes(9).toString('hex');
export const begun = (record: InitialRecord): VolumeRecord => ({ ...record, revision: revision() });

/** ASCII, so that no locale on the way can change it. */
const ascii = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** What a person reads in VirtualBox’s own windows, and after it what we do. */
export const marked = (note: Note, place: string): string =>
  `REX-Ray ${note.kind} "${note.name}" ${ascii({ place, note })}`;

/** The note that a disk began with; undefined when it is not ours, or a copy of ours that somebody made elsewhere. */
export function markOf(description: string, file: string, place: string): Note | undefined {
  const json = /^REX-Ray (?:volume|snapshot) "[^"]*" (\{.*\})$/.exec(description)?.[1];
  if (json === undefined) return undefined;
  try {
    const x = JSON.parse(json) as { place?: string; note?: Note };
    return x.place === place && isNote(x.note) && x.note.file === file ? x.note : undefined;
  } catch {
    return undefined;
  }
}

function isNote(x: unknown): x is Note {
  const n = x as
    | { kind?: unknown; name?: unknown; file?: unknown; format?: unknown; record?: { format?: { state?: unknown } } }
    | undefined;
  if (typeof n?.name !== 'string' || typeof n.file !== 'string' || typeof n.record?.format?.state !== 'string')
    return false;
  return n.kind === 'snapshot' || isFormat(String(n.format));
}

export interface Entry {
  readonly key: string;
  readonly kind: Note['kind'];
  readonly name: string;
  readonly id: string;
}

/** Our notes on volumes and snapshots: `rexray/<place>/<kind>/<name>/<id of the disk>`. */
export class Notes {
  readonly #client: Client;
  constructor(client: Client) {
    this.#client = client;
  }

  static key(place: string, kind: Note['kind'], name: string, id: string): string {
    return `${Place.notes(place)}${kind}/${name}/${id}`;
  }

  /** What the names of notes tell by themselves. */
  static entries(names: readonly string[], place: string): Entry[] {
    const prefix = Place.notes(place);
    return names.flatMap((key) => {
      if (!key.startsWith(prefix)) return [];
      const [kind, name, id] = key.slice(prefix.length).split('/');
      const known = kind === 'volume' || kind === 'snapshot';
      return known && name !== undefined && id !== undefined ? [{ key, kind, name, id }] : [];
    });
  }

  static read(text: string | undefined): Note | undefined {
    try {
      const x = JSON.parse(text ?? '') as unknown;
      return isNote(x) ? x : undefined;
    } catch {
      return undefined;
    }
  }

  /** Our notes on what `which` accepts, with their texts read. */
  async found(place: string, which: (e: Entry) => boolean, p: Patience): Promise<(Entry & { readonly note: Note })[]> {
    const wanted = (key: string): boolean => Notes.entries([key], place).some(which);
    const texts = await this.#client.notesWhere(wanted, p);
    return Notes.entries([...texts.keys()], place).flatMap((e) => {
      const note = Notes.read(texts.get(e.key));
      return note === undefined ? [] : [{ ...e, note }];
    });
  }

  async write(place: string, id: string, note: Note, p: Patience): Promise<void> {
    await this.#client.setNote(Notes.key(place, note.kind, note.name, id), ascii(note), p);
  }

  async drop(key: string, p: Patience): Promise<void> {
    await this.#client.setNote(key, undefined, p);
  }

  /** The note of a disk, wherever it is; a disk that lost it, or never got it, still has the one that it began with. */
  async of(
    disk: Pick<Disk, 'id' | 'description'>,
    file: string,
    place: string,
    p: Patience,
  ): Promise<Note | undefined> {
    const [kept] = await this.found(place, (e) => e.id === disk.id, p);
    return kept?.note ?? markOf(disk.description, file, place);
  }
}
