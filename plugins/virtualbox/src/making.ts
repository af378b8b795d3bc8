import { type Bytes, bytes, type InitialRecord, VolumeError, type VolumeSpec } from '@rexray/core';
import { type Disk, lastWords, type Patience } from './client.ts';
import type { VirtualBoxConfig, VirtualBoxParams } from './config.ts';
import { is } from './errors.ts';
import { ENDINGS, type Format, fileOf } from './names.ts';
import { begun, marked, markOf, Notes, type VolumeNote } from './notes.ts';
import type { Loaded, Volumes } from './volumes.ts';
import { pause, Turns } from './waiting.ts';

type Spec = VolumeSpec<VirtualBoxParams>;
export const STEP = 1 << 20;
/** "Virtual disk limit" of VirtualBox 7. */
export const MOST = 2_199_022_206_976;
const rounded = (n: number): Bytes => bytes(Math.max(1, Math.ceil(n / STEP)) * STEP);

/** What a volume is a copy of. */
export interface Source {
  readonly id: string;
  readonly sizeBytes: number;
  readonly format: Format;
  readonly fixed: boolean;
}

/** Makes volumes: one for each name. Which of several calls makes it is decided by the file, which VirtualBox never overwrites. */
export class Making {
  readonly #volumes: Volumes;
  readonly #config: VirtualBoxConfig;
  readonly #turns = new Turns();

  constructor(volumes: Volumes, config: VirtualBoxConfig) {
    this.#volumes = volumes;
    this.#config = config;
  }

  create(name: string, spec: Spec, p: Patience, source?: Source): Promise<Loaded> {
    assertSize(spec.sizeBytes);
    return this.#turns.take(name.toLowerCase(), async () => {
      p.signal.throwIfAborted();
      const there = await this.#volumes.find(name, p);
      if (there !== undefined) return this.#same(there, spec, p, source);
      return this.#make(name, spec, p, source);
    });
  }

  async #make(name: string, spec: Spec, p: Patience, source: Source | undefined): Promise<Loaded> {
    const { client, place, notes } = this.#volumes;
    const here = await place.here(p);
    const format = spec.params.format ?? source?.format ?? this.#config.format;
    const fixed = spec.params.fixed ?? source?.fixed ?? this.#config.fixed;
    const sizeBytes = rounded(Math.max(spec.sizeBytes, source?.sizeBytes ?? 0));
    if (source !== undefined && sizeBytes > source.sizeBytes) assertGrows(format, fixed);
    const note: VolumeNote = {
      kind: 'volume',
      name,
      file: fileOf(name, format),
      format,
      fixed,
      createdAt: new Date().toISOString(),
      record: begun(source === undefined ? spec.record : { ...spec.record, copied: true }),
      ...(source !== undefined && { from: source.id }),
    };
    const disk = { location: place.folder.at(note.file), format, fixed, description: marked(note, here) };
    let id: string;
    try {
      id =
        source === undefined ? await client.create({ ...disk, sizeBytes }, p) : await client.copy(source.id, disk, p);
    } catch (e) {
      if (p.signal.aborted) {
        await this.#undo(disk.location, note, here);
        throw p.signal.reason;
      }
      if (is(e, 'exists')) return this.#collided(name, disk.location, spec, p, source);
      throw e;
    }
    // What was made is whole: the note is written although the caller may have gone.
    await notes.write(here, id, note, lastWords());
    const made = await this.#volumes.own(id, lastWords());
    await this.#yieldToRival(made, here);
    return this.#grown(made, sizeBytes, p);
  }

  /** The caller went away; whether VirtualBox had ended by then is looked up (S13). Only what this call made goes. */
  async #undo(location: string, note: VolumeNote, here: string): Promise<void> {
    const p = lastWords();
    const disk = await this.#volumes.client.diskAt(location, p).catch(() => undefined);
    if (disk === undefined) return;
    const file = this.#volumes.place.folder.relative(disk.location) ?? '';
    const mark = markOf(disk.description, file, here);
    if (mark?.record.revision === note.record.revision && disk.machines.length === 0) {
      await this.#volumes.client.remove(disk.id, p).catch(() => undefined);
    }
  }

  /** A name has one file in each format: of two that are made at once in different formats, both step back. */
  async #yieldToRival(made: Loaded, here: string): Promise<void> {
    const { client, notes } = this.#volumes;
    const { name } = made.note;
    const all = await notes.found(here, (e) => e.kind === 'volume' && e.name === name, lastWords());
    for (const rival of all.filter((e) => e.id !== made.disk.id)) {
      const disk = await client.disk(rival.id, lastWords());
      if (disk === undefined || disk.location === made.disk.location) {
        await notes.drop(rival.key, lastWords());
        continue;
      }
      await client.remove(made.disk.id, lastWords());
      await notes.drop(Notes.key(here, 'volume', name, made.disk.id), lastWords());
      throw new VolumeError('busy', `"${name}" was made by another call at the same time.`, {
        details: { op: 'create', retryAfterMs: 200 },
        hint: 'Try again: the volume that is there is then answered.',
      });
    }
  }

  /** The file is there: made by another call, perhaps a moment ago, or by somebody else. */
  async #collided(name: string, location: string, spec: Spec, p: Patience, source?: Source): Promise<Loaded> {
    const { client, place, notes } = this.#volumes;
    const here = await place.here(p);
    await client.recover(p);
    let disk: Disk | undefined;
    for (let i = 0; i < 20; i++) {
      const ours = await this.#volumes.find(name, p);
      if (ours !== undefined) return this.#same(ours, spec, p, source);
      disk = await client.diskAt(location, p);
      if (disk === undefined) break;
      const note = markOf(disk.description, place.folder.relative(disk.location) ?? '', here);
      if (note?.kind === 'volume' && note.name === name) {
        await notes.write(here, disk.id, note, p);
        return this.#same({ disk, note }, spec, p, source);
      }
      await pause(100, p);
    }
    throw inTheWay(name, location, disk);
  }

  async #same(there: Loaded, spec: Spec, p: Patience, source: Source | undefined): Promise<Loaded> {
    const { disk, note } = there;
    const differs: Record<string, { have: unknown; asked: unknown }> = {};
    if (spec.asked.includes('size') && source === undefined && disk.sizeBytes < spec.sizeBytes) {
      differs.size = { have: disk.sizeBytes, asked: spec.sizeBytes };
    }
    if (spec.asked.includes('params')) {
      for (const key of ['format', 'fixed'] as const) {
        const asked = spec.params[key];
        if (asked !== undefined && asked !== note[key]) differs[key] = { have: note[key], asked };
      }
    }
    if (source !== undefined && note.from !== source.id) {
      differs.from = { have: note.from ?? 'nothing', asked: source.id };
    }
    if (Object.keys(differs).length === 0) {
      return source === undefined ? there : this.#grown(there, rounded(spec.sizeBytes), p);
    }
    const what = Object.entries(differs).map(([k, d]) => `its ${k} is ${d.have}, asked was ${d.asked}`);
    throw new VolumeError('already_exists', `Volume "${note.name}" exists, but ${what.join(', ')}.`, {
      details: { differs },
      hint: 'Choose another name, or leave out what differs.',
    });
  }

  /** A copy that is asked larger than its source grows once it is there. */
  async #grown(made: Loaded, sizeBytes: Bytes, p: Patience): Promise<Loaded> {
    if (made.disk.sizeBytes >= sizeBytes) return made;
    const now = await this.#volumes.client.resize(made.disk.id, sizeBytes, p);
    return { ...made, disk: { ...made.disk, sizeBytes: now } };
  }

  /** @throws VolumeError `unsupported` where VirtualBox does not show a new size, `in_use` while a machine runs with it */
  async expand(id: string, sizeBytes: Bytes, p: Patience): Promise<Loaded> {
    const v = await this.#volumes.own(id, p);
    if (v.disk.sizeBytes === 0) throw sizeUnknown(v);
    const asked = rounded(sizeBytes);
    if (v.disk.sizeBytes >= asked) return v;
    assertSize(asked);
    if (v.note.fixed) assertGrows(v.note.format, true);
    const now = await this.#volumes.client.resize(id, asked, p).catch((e: unknown) => {
      if (is(e, 'locked', 'state')) throw running(v, e);
      throw e;
    });
    if (now >= asked) return { ...v, disk: { ...v.disk, sizeBytes: now } };
    throw new VolumeError(
      'unsupported',
      `VirtualBox was asked to grow "${v.note.name}" (${v.note.format}) and still shows ${now} bytes.`,
      {
        details: { verb: 'expand', missing: 'the new size' },
        hint: 'Dynamic disks of format VDI grow: clone it with format VDI.',
      },
    );
  }

  /** Makes a disk of the directory ours, where it lies. Again is the same. */
  adopt(id: string, name: string, record: InitialRecord, p: Patience): Promise<Loaded> {
    return this.#turns.take(name.toLowerCase(), async () => {
      const { client, place, notes } = this.#volumes;
      const here = await place.here(p);
      const seen = await this.#volumes.get(id, p);
      const other = await this.#volumes.find(name, p);
      if (other !== undefined && other.disk.id !== seen.id) throw taken(name, other);
      if (seen.foreign !== true) {
        if (seen.name === name) return this.#volumes.own(id, p);
        throw new VolumeError('already_exists', `Disk ${id} is ours already, as "${seen.name}".`, {
          details: { differs: { name: { have: seen.name, asked: name } } },
        });
      }
      const disk = await client.disk(seen.id, p);
      if (disk === undefined) return this.#volumes.own(id, p);
      if (!Object.hasOwn(ENDINGS, disk.format)) throw noFormat(disk);
      const note: VolumeNote = {
        kind: 'volume',
        name,
        file: place.folder.relative(disk.location) ?? '',
        format: disk.format as Format,
        fixed: false,
        createdAt: new Date().toISOString(),
        record: begun(record),
      };
      await notes.write(here, disk.id, note, p);
      // The note is what counts; while a machine runs with the disk, VirtualBox takes no description.
      await client.describe(disk.id, marked(note, here), p).catch(() => undefined);
      return this.#volumes.own(id, p);
    });
  }
}

function assertSize(sizeBytes: number): void {
  if (sizeBytes <= MOST) return;
  throw new VolumeError('out_of_range', `${sizeBytes} bytes are more than a disk of VirtualBox can have.`, {
    details: { min: STEP, max: MOST },
  });
}

function assertGrows(format: Format, fixed: boolean): void {
  if (format === 'VDI' && !fixed) return;
  throw new VolumeError('unsupported', `A ${fixed ? 'fixed ' : ''}disk of format ${format} does not grow.`, {
    details: { verb: 'expand', option: fixed ? 'fixed' : 'format', missing: 'growing' },
    hint: 'VirtualBox grows dynamic VDI disks: clone it with format VDI and fixed false.',
  });
}

const running = (v: Loaded, cause: unknown): VolumeError<'in_use'> =>
  new VolumeError('in_use', `A machine runs with "${v.note.name}": VirtualBox does not grow or copy it meanwhile.`, {
    details: { ...(v.disk.machines[0] !== undefined && { node: v.disk.machines[0] }) },
    cause,
    hint: 'Unmount and detach it first.',
  });

export { running as usedByRunning };

const sizeUnknown = (v: Loaded): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `VirtualBox does not know how large "${v.note.name}" is: ${v.disk.location} is not there.`,
    {
      details: { expected: v.disk.location },
      hint: 'Look for the file on the VirtualBox host; nothing was changed.',
    },
  );

const taken = (name: string, other: Loaded): VolumeError<'already_exists'> =>
  new VolumeError('already_exists', `"${name}" is a volume already (${other.disk.id}).`, { details: { differs: {} } });

const noFormat = (disk: Disk): VolumeError<'unsupported'> =>
  new VolumeError('unsupported', `Disk ${disk.id} has the format ${disk.format}: volumes are VDI or VMDK.`, {
    details: { verb: 'adopt', missing: disk.format },
  });

const inTheWay = (name: string, location: string, disk: Disk | undefined): VolumeError<'already_exists'> =>
  new VolumeError(
    'already_exists',
    disk === undefined
      ? `There is a file ${location} on the VirtualBox host that is no disk: "${name}" cannot be made.`
      : `There is a disk ${location} on the VirtualBox host that is not ours: "${name}" cannot be made.`,
    {
      details: { differs: {} },
      hint: 'Choose another name, remove the file on the host, or register it and make it a volume: rexray volume adopt <id> <name>',
    },
  );
