import {
  assertName,
  bytes,
  type DriverSnapshot,
  notFound,
  type Page,
  VolumeError,
  type VolumeSpec,
} from '@rexray/core';
import { type Disk, lastWords, type Patience } from './client.ts';
import type { VirtualBoxParams } from './config.ts';
import { is } from './errors.ts';
import type { Making, Source } from './making.ts';
import { usedByRunning } from './making.ts';
import { fileOf, isFormat, isUuid } from './names.ts';
import { begun, type Entry, marked, markOf, type SnapshotNote } from './notes.ts';
import type { Loaded, Volumes } from './volumes.ts';
import { Turns } from './waiting.ts';

const FOLDER = '.rexray-snapshots';

/** Snapshots are full copies beside the volumes: VirtualBox’s own are of machines, and a difference would hang on its base. */
export class Snapshots {
  readonly #volumes: Volumes;
  readonly #making: Making;
  readonly #turns = new Turns();

  constructor(volumes: Volumes, making: Making) {
    this.#volumes = volumes;
    this.#making = making;
  }

  async page(
    query: { readonly volumeId?: string; readonly cursor?: string; readonly limit?: number },
    p: Patience,
  ): Promise<Page<DriverSnapshot>> {
    const limit = Math.max(1, query.limit ?? 500);
    const here = await this.#volumes.place.here(p);
    const registered = new Set((await this.#volumes.client.survey(p)).disks);
    const all = await this.#found((e) => e.id > (query.cursor ?? '') && registered.has(e.id), here, p);
    const rest = all
      .filter(({ note }) => query.volumeId === undefined || note.volumeId === query.volumeId)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const items = rest.slice(0, limit).map(({ id, note }) => shown(id, note));
    const last = items.at(-1);
    return rest.length > limit && last !== undefined ? { items, next: last.id } : { items };
  }

  create(volumeId: string, name: string, consistency: 'clean' | 'crash', p: Patience): Promise<DriverSnapshot> {
    assertName(name, 'snapshot');
    return this.#turns.take(name.toLowerCase(), async () => {
      const v = await this.#volumes.own(volumeId, p);
      return (await this.#there(v, name, p)) ?? this.#take(v, name, consistency, p);
    });
  }

  async #there(v: Loaded, name: string, p: Patience): Promise<DriverSnapshot | undefined> {
    const here = await this.#volumes.place.here(p);
    for (const { id, note } of await this.#found((e) => e.name === name, here, p)) {
      if ((await this.#volumes.client.disk(id, p)) === undefined) continue;
      if (note.volumeId === v.disk.id) return shown(id, note);
      throw another(name, note);
    }
    return undefined;
  }

  async #take(v: Loaded, name: string, consistency: 'clean' | 'crash', p: Patience): Promise<DriverSnapshot> {
    const { client, place, notes } = this.#volumes;
    const here = await place.here(p);
    const note: SnapshotNote = {
      kind: 'snapshot',
      name,
      file: `${FOLDER}/${fileOf(name, v.note.format)}`,
      createdAt: new Date().toISOString(),
      sizeBytes: v.disk.sizeBytes,
      volumeId: v.disk.id,
      volumeName: v.note.name,
      record: begun(v.note.record),
      consistency,
    };
    const location = place.folder.at(...note.file.split('/'));
    const disk = { location, format: v.note.format, fixed: v.note.fixed, description: marked(note, here) };
    try {
      const id = await client.copy(v.disk.id, disk, p);
      await notes.write(here, id, note, lastWords());
      return shown(id, note);
    } catch (e) {
      if (is(e, 'locked', 'state')) throw usedByRunning(v, e);
      if (!is(e, 'exists')) throw e;
      return this.#collided(v, name, location, here, p);
    }
  }

  /** Another call made it, or began to and died after VirtualBox had ended. */
  async #collided(v: Loaded, name: string, location: string, here: string, p: Patience): Promise<DriverSnapshot> {
    const { client, place, notes } = this.#volumes;
    const disk = await client.diskAt(location, p);
    const file = (place.folder.relative(disk?.location ?? '') ?? '').replaceAll('\\', '/');
    const note = disk === undefined ? undefined : markOf(disk.description, file, here);
    if (disk === undefined || note?.kind !== 'snapshot') {
      throw new VolumeError('already_exists', `There is a file ${location} that is no snapshot of ours.`, {
        details: { differs: {} },
        hint: 'Choose another name, or remove the file on the VirtualBox host.',
      });
    }
    if (note.volumeId !== v.disk.id) throw another(name, note);
    await notes.write(here, disk.id, note, p);
    return shown(disk.id, note);
  }

  /** Absent = ok. Only what is noted as a snapshot of ours is removed. */
  async remove(id: string, p: Patience): Promise<void> {
    const [e] = await this.#found((x) => x.id === id, await this.#volumes.place.here(p), p);
    if (e === undefined) return;
    await this.#volumes.client.remove(id, p);
    await this.#volumes.notes.drop(e.key, lastWords());
  }

  async restore(id: string, name: string, spec: VolumeSpec<VirtualBoxParams>, p: Patience): Promise<Loaded> {
    const [e] = await this.#found((x) => x.id === id, await this.#volumes.place.here(p), p);
    const disk = e === undefined || !isUuid(id) ? undefined : await this.#volumes.client.disk(id, p);
    if (disk === undefined) throw notFound('Snapshot', id);
    return this.#making.create(name, spec, p, sourceOf(disk, false));
  }

  async #found(which: (e: Entry) => boolean, here: string, p: Patience) {
    const all = await this.#volumes.notes.found(here, (e) => e.kind === 'snapshot' && which(e), p);
    return all.flatMap((e) => (e.note.kind === 'snapshot' ? [{ ...e, note: e.note }] : []));
  }
}

/** What a copy of a disk is made from. */
export const sourceOf = (disk: Disk, fixed: boolean): Source => ({
  id: disk.id,
  sizeBytes: disk.sizeBytes,
  format: isFormat(disk.format) ? disk.format : 'VDI',
  fixed,
});

const shown = (id: string, note: SnapshotNote): DriverSnapshot => ({
  id,
  name: note.name,
  volumeId: note.volumeId,
  volumeName: note.volumeName,
  sizeBytes: bytes(note.sizeBytes),
  createdAt: note.createdAt,
  record: note.record,
  consistency: note.consistency,
  ready: true,
});

const another = (name: string, note: SnapshotNote): VolumeError<'already_exists'> =>
  new VolumeError('already_exists', `"${name}" is a snapshot of volume "${note.volumeName}".`, {
    details: { differs: { volume: { have: note.volumeName, asked: 'another' } } },
    hint: 'Choose another name.',
  });
