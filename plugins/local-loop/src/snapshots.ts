import {
  bytes,
  type Ctx,
  type DriverSnapshot,
  type DriverVolume,
  isVolumeError,
  notFound,
  type SnapshotVerbs,
  VolumeError,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import type { Loaded, Volumes } from './client.ts';
import type { LocalLoopParams } from './config.ts';
import { ABOUT, IMAGE, newIncarnation, parseId, SNAPSHOTS, TRASH, toId } from './layout.ts';

/** What the snapshot verbs need of their driver. */
export interface Within {
  readonly volumes: Volumes;
  run<T>(ctx: Ctx, f: () => Promise<T>): Promise<T>;
  checkName(name: string, what: string): void;
  /** Copies the image of a volume to a path, atomically or while nobody writes it. @returns the volume that the copy is of */
  copyVolume(volumeId: string, to: string, ctx: Ctx): Promise<Loaded>;
  room(sizeBytes: number, ctx: Ctx): Promise<void>;
  copyOf(
    source: CopySource,
    name: string,
    spec: VolumeSpec<LocalLoopParams>,
    ctx: Ctx,
  ): Promise<DriverVolume<LocalLoopParams>>;
}

export interface CopySource {
  readonly id: string;
  readonly sizeBytes: number;
  readonly record: VolumeRecord;
  copyTo(path: string): Promise<void>;
}

type About = Omit<DriverSnapshot, 'name'>;

const PAGE = 1000;

function parseAbout(text: string, name: string): About {
  try {
    return JSON.parse(text) as About;
  } catch (cause) {
    throw new VolumeError('data_loss', `What is known about snapshot "${name}" does not verify.`, {
      details: { found: text.slice(0, 80) },
      hint: 'Nothing was changed; its image is untouched.',
      cause,
    });
  }
}

export function snapshotVerbs(d: Within): SnapshotVerbs<LocalLoopParams> {
  const { volumes } = d;
  const { calls, place } = volumes;

  const read = async (name: string): Promise<DriverSnapshot | undefined> => {
    const text = await calls.readText(place.path(SNAPSHOTS, name, ABOUT));
    return text === undefined ? undefined : { ...parseAbout(text, name), name };
  };

  const byId = async (id: string): Promise<DriverSnapshot | undefined> => {
    const parsed = parseId(id);
    const found = parsed?.kind === 'own' ? await read(parsed.name) : undefined;
    return found?.id === id ? found : undefined;
  };

  const sameOr = (found: DriverSnapshot, volumeId: string): DriverSnapshot => {
    if (found.volumeId === volumeId) return found;
    throw new VolumeError('already_exists', `Snapshot "${found.name}" exists, of volume "${found.volumeName}".`, {
      details: { differs: { volume: { have: found.volumeId, asked: volumeId } } },
      hint: 'Choose another name.',
    });
  };

  const create: SnapshotVerbs['create'] = async (volumeId, name, o, ctx) => {
    const there = await read(name);
    if (there !== undefined) return sameOr(there, volumeId);
    await d.room(Number((await volumes.own(volumeId)).image.size), ctx);
    const dir = place.scratch();
    try {
      await calls.makeDir(dir);
      const v = await d.copyVolume(volumeId, `${dir}/${IMAGE}`, ctx);
      const about: About = {
        id: toId(name, newIncarnation()),
        volumeId,
        volumeName: v.name,
        sizeBytes: bytes(Number((await calls.stat(`${dir}/${IMAGE}`))?.size ?? 0)),
        createdAt: new Date().toISOString(),
        record: v.kept.record,
        consistency: o.consistency,
        ready: true,
      };
      await calls.makeFile(`${dir}/${ABOUT}`, { text: JSON.stringify(about) });
      await calls.syncDir(dir);
      await place.verify();
      ctx.signal.throwIfAborted();
      if (!(await calls.renameNew(dir, place.path(SNAPSHOTS, name)))) await calls.removeTree(dir);
    } catch (e) {
      await calls.removeTree(dir).catch(() => undefined);
      throw e;
    }
    await calls.syncDir(place.path(SNAPSHOTS));
    const made = await read(name);
    if (made === undefined) throw notFound('Snapshot', name);
    return sameOr(made, volumeId);
  };

  const remove = async (id: string): Promise<void> => {
    const s = await byId(id);
    if (s === undefined) return;
    const trash = place.scratch(TRASH);
    const path = place.path(SNAPSHOTS, s.name);
    await calls.rename(path, trash);
    // Another node may have made one of the same name since it was read: that one gets its name back.
    const text = await calls.readText(`${trash}/${ABOUT}`);
    if (text !== undefined && (JSON.parse(text) as About).id !== id) {
      await calls.renameNew(trash, path);
      return;
    }
    await calls.syncDir(place.path(SNAPSHOTS));
    await calls.removeTree(trash);
  };

  const restore: SnapshotVerbs<LocalLoopParams>['restore'] = async (id, name, spec, ctx) => {
    const s = await byId(id);
    if (s === undefined) throw notFound('Snapshot', id);
    const image = place.path(SNAPSHOTS, s.name, IMAGE);
    return d.copyOf(
      {
        id,
        sizeBytes: s.sizeBytes,
        record: s.record,
        copyTo: (to) => (place.reflink ? calls.clone(image, to) : calls.copy(image, to, ctx)),
      },
      name,
      spec,
      ctx,
    );
  };

  const list: SnapshotVerbs['list'] = async (query) => {
    const names = ((await calls.entries(place.path(SNAPSHOTS))) ?? []).filter((n) => !n.startsWith('.')).sort();
    const items: DriverSnapshot[] = [];
    const broken: string[] = [];
    const limit = Math.max(1, query.limit ?? PAGE);
    let at = names.findIndex((n) => query.cursor === undefined || n > query.cursor);
    if (at < 0) return { items };
    for (; at < names.length && items.length < limit; at++) {
      const s = await read(names[at] ?? '').catch((e: unknown) => {
        if (!isVolumeError(e, 'data_loss')) throw e;
        broken.push(e.message);
        return undefined;
      });
      if (s !== undefined && (query.volumeId === undefined || s.volumeId === query.volumeId)) items.push(s);
    }
    const last = names[at - 1];
    return {
      items,
      ...(at < names.length && last !== undefined && { next: last }),
      ...(broken.length > 0 && { partial: broken.join(' ') }),
    };
  };

  return {
    list: (query, ctx) => d.run(ctx, () => list(query, ctx)),
    create: (volumeId, name, o, ctx) =>
      d.run(ctx, () => {
        d.checkName(name, 'snapshot');
        return create(volumeId, name, o, ctx);
      }),
    remove: (id, ctx) => d.run(ctx, () => remove(id)),
    restore: (id, name, spec, ctx) =>
      d.run(ctx, () => {
        d.checkName(name, 'volume');
        return restore(id, name, spec, ctx);
      }),
  };
}
