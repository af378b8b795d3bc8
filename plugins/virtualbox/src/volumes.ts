import { bytes, type DriverVolume, notFound, VolumeError } from '@rexray/core';
import type { Client, Disk, Patience, Survey } from './client.ts';
import type { VirtualBoxParams } from './config.ts';
import { isUuid, shownName } from './names.ts';
import { type Entry, marked, markOf, Notes, type VolumeNote } from './notes.ts';
import type { Place } from './place.ts';

export type Volume = DriverVolume<VirtualBoxParams>;

/** A disk of ours, and all that is known about it. */
export interface Loaded {
  readonly disk: Disk;
  readonly note: VolumeNote;
}

/** Volumes as VirtualBox shows them: which are ours, which are other people's, and what each looks like. */
export class Volumes {
  readonly client: Client;
  readonly place: Place;
  readonly notes: Notes;

  constructor(client: Client, place: Place) {
    this.client = client;
    this.place = place;
    this.notes = new Notes(client);
  }

  /** A registered disk below our directory, with our note if it is ours; undefined for anything else in VirtualBox. */
  async #seen(id: string, p: Patience): Promise<{ disk: Disk; note?: VolumeNote } | undefined> {
    const place = await this.place.here(p);
    const disk = isUuid(id) ? await this.#registered(id.toLowerCase(), place, p) : undefined;
    if (disk === undefined || disk.state === 'making') return undefined;
    const file = this.place.folder.relative(disk.location);
    if (file === undefined || this.place.isMarker(disk.location)) return undefined;
    const note = await this.notes.of(disk, file, place, p);
    if (note?.kind === 'snapshot') return undefined;
    return note === undefined ? { disk } : { disk, note };
  }

  /**
   * A disk by its id. VirtualBox moves the registration of a disk into the settings of the machine that has it: with a machine
   * that is unregistered, or an attachment that was never saved, it forgets the disk. Our note still knows its file.
   */
  async #registered(id: string, place: string, p: Patience): Promise<Disk | undefined> {
    const disk = await this.client.disk(id, p);
    if (disk !== undefined) return disk;
    const [kept] = await this.notes.found(place, (e) => e.kind === 'volume' && e.id === id, p);
    return kept?.note.kind === 'volume' ? this.#reopened(id, kept.note, place, p) : undefined;
  }

  async #reopened(id: string, note: VolumeNote, place: string, p: Patience): Promise<Disk | undefined> {
    const location = this.place.folder.at(...note.file.split(/[\\/]/));
    // Looked at before it is registered: the file may be another disk by now.
    if ((await this.client.diskAt(location, p))?.id !== id) return undefined;
    const disk = await this.client.open(location, p);
    await this.client.describe(disk.id, marked(note, place), p).catch(() => undefined);
    return disk;
  }

  async get(id: string, p: Patience): Promise<Volume> {
    const s = await this.#seen(id, p);
    if (s === undefined) throw notFound('Volume', id);
    return s.note === undefined ? this.foreign(s.disk, s.disk.machines) : this.shown(s.disk, s.note);
  }

  /** A volume of ours. @throws VolumeError `not_found`, `denied` for what is not ours, `unavailable` when its file is lost */
  async own(id: string, p: Patience): Promise<Loaded> {
    const s = await this.#seen(id, p);
    if (s === undefined) throw notFound('Volume', id);
    if (s.note === undefined) throw notOurs(s.disk);
    return { disk: s.disk, note: s.note };
  }

  /** Undefined where nothing of ours has the id; what is not ours is refused. */
  async ownOrAbsent(id: string, p: Patience): Promise<Loaded | undefined> {
    const s = await this.#seen(id, p);
    if (s === undefined) {
      if (isUuid(id) && (await this.client.disk(id, p)) !== undefined) throw notOurs({ id, location: 'elsewhere' });
      return undefined;
    }
    if (s.note === undefined) throw notOurs(s.disk);
    return { disk: s.disk, note: s.note };
  }

  async find(name: string, p: Patience): Promise<Loaded | undefined> {
    const place = await this.place.here(p);
    for (const { id, note } of await this.notes.found(place, (e) => e.kind === 'volume' && e.name === name, p)) {
      if (note.kind !== 'volume') continue;
      const disk = (await this.client.disk(id, p)) ?? (await this.#reopened(id, note, place, p));
      if (disk !== undefined && this.place.folder.relative(disk.location) !== undefined) return { disk, note };
    }
    return undefined;
  }

  shown(disk: Pick<Disk, 'id' | 'location' | 'sizeBytes' | 'machines' | 'state'>, note: VolumeNote): Volume {
    return {
      id: disk.id,
      name: note.name,
      sizeBytes: bytes(disk.sizeBytes),
      createdAt: note.createdAt,
      attachments: disk.machines.map((node) => ({ node, epoch: 0 })),
      record: note.record,
      params: { format: note.format, fixed: note.fixed },
      status: {
        location: disk.location,
        ...(disk.state === 'inaccessible' && { state: 'its file is not there' }),
        ...(note.from !== undefined && { copiedFrom: note.from }),
        ...(note.taken !== undefined && { takenOver: note.taken }),
      },
    };
  }

  foreign(disk: Pick<Disk, 'id' | 'location' | 'sizeBytes'>, machines: readonly string[]): Volume {
    return {
      id: disk.id,
      name: shownName(disk.location),
      sizeBytes: bytes(disk.sizeBytes),
      attachments: machines.map((node) => ({ node, epoch: 0 })),
      record: { revision: `none-${disk.id}`, format: { state: 'none' }, hints: {}, labels: {}, owner: {} },
      params: {},
      foreign: true,
      status: { location: disk.location },
    };
  }

  /** One page, in the order of ids, from one pass over everything that is registered. */
  async page(query: { readonly cursor?: string; readonly limit?: number }, p: Patience) {
    const place = await this.place.here(p);
    const survey = await this.#survey(place, p);
    const entries = new Map(Notes.entries(survey.notes, place).map((e) => [e.id, e]));
    const rest = [...survey.disks].sort().filter((id) => id > (query.cursor ?? ''));
    const limit = Math.max(1, query.limit ?? 500);
    const attached = await survey.attached();
    const items: Volume[] = [];
    for (const [i, id] of rest.entries()) {
      p.signal.throwIfAborted();
      const machines = attached.get(id) ?? [];
      const v = await this.#row(survey, entries.get(id), { id, machines, place });
      if (v !== undefined) items.push(v);
      if (items.length === limit) return i + 1 < rest.length ? { items, next: id } : { items };
    }
    return { items };
  }

  async #survey(place: string, p: Patience): Promise<Survey> {
    const survey = await this.client.survey(p);
    const known = new Set(survey.disks);
    const forgotten = Notes.entries(survey.notes, place).filter((e) => e.kind === 'volume' && !known.has(e.id));
    const found = await Promise.all(
      forgotten.map(async (e) => {
        const note = Notes.read(await survey.note(e.key));
        return note?.kind === 'volume' ? this.#reopened(e.id, note, place, p) : undefined;
      }),
    );
    return found.some((d) => d !== undefined) ? this.client.survey(p) : survey;
  }

  async #row(
    survey: Survey,
    entry: Entry | undefined,
    d: { readonly id: string; readonly machines: readonly string[]; readonly place: string },
  ): Promise<Volume | undefined> {
    if (entry?.kind === 'snapshot' || d.id === d.place) return undefined;
    const kept = entry === undefined ? undefined : Notes.read(await survey.note(entry.key));
    if (kept?.kind === 'volume') {
      const disk = { id: d.id, sizeBytes: await survey.size(d.id), machines: d.machines, state: 'ready' as const };
      return this.shown({ ...disk, location: this.place.folder.at(kept.file) }, kept);
    }
    const location = await survey.location(d.id);
    const file = this.place.folder.relative(location);
    if (file === undefined || this.place.isMarker(location)) return undefined;
    const note = markOf(await survey.description(d.id), file, d.place);
    if (note?.kind === 'snapshot') return undefined;
    const disk = {
      id: d.id,
      location,
      sizeBytes: await survey.size(d.id),
      machines: d.machines,
      state: 'ready' as const,
    };
    return note === undefined ? this.foreign(disk, d.machines) : this.shown(disk, note);
  }
}

const notOurs = (disk: Pick<Disk, 'id' | 'location'>): VolumeError<'denied'> =>
  new VolumeError('denied', `Disk ${disk.id} (${disk.location}) was not made here: it is not touched.`, {
    details: { rule: 'S12', found: 'a disk without our mark', where: disk.location },
    hint: 'If it lies in the directory of the volumes, adopt makes it a volume: rexray volume adopt <id> <name>',
  });
