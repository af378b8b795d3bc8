import { assertName, type Ctx, type DriverSnapshot, notFound, type SnapshotVerbs, type VolumeSpec } from '@rexray/core';
import { copyTree, removeTree } from './children.ts';
import type { LocalDirParams } from './config.ts';
import { taken } from './errors.ts';
import * as files from './files.ts';
import { ABOUT, DATA, newIncarnation, parseId, SNAPSHOTS, TRASH, toId } from './layout.ts';
import { pageOf } from './pages.ts';
import type { Place } from './place.ts';
import type { Turns } from './turns.ts';
import { assertContent, byId, type Known, type Volume } from './volumes.ts';

/** What the snapshot verbs need of their driver. */
export interface Within {
  readonly place: Place;
  readonly turns: Turns;
  enter(ctx: Ctx): Promise<void>;
  copy(
    from: string,
    source: Pick<Known, 'kept'> & { readonly id: string },
    name: string,
    spec: VolumeSpec<LocalDirParams>,
    ctx: Ctx,
  ): Promise<Volume>;
}

export function snapshotVerbs({ place, turns, enter, copy }: Within): SnapshotVerbs<LocalDirParams> {
  const at = (name: string, ...parts: string[]): string => place.path(SNAPSHOTS, name, ...parts);
  const read = async (name: string): Promise<DriverSnapshot | undefined> => {
    const text = await files.readText(at(name, ABOUT));
    return text === undefined ? undefined : (JSON.parse(text) as DriverSnapshot);
  };
  const named = async (id: string): Promise<DriverSnapshot | undefined> => {
    const p = parseId(id);
    const s = p?.kind === 'own' ? await read(p.name) : undefined;
    return s?.id === id ? s : undefined;
  };

  const make = async (
    k: Known,
    name: string,
    consistency: DriverSnapshot['consistency'],
    ctx: Ctx,
  ): Promise<DriverSnapshot> => {
    const about: DriverSnapshot = {
      id: toId(name, newIncarnation()),
      name,
      volumeId: toId(k.name, k.scan.inc),
      volumeName: k.name,
      sizeBytes: k.kept.sizeBytes,
      createdAt: new Date().toISOString(),
      record: k.kept.record,
      consistency,
      ready: true,
    };
    const tmp = place.scratch();
    try {
      await files.makeDir(tmp, 0o700);
      await copyTree(await assertContent(place, k.name), `${tmp}/${DATA}`, ctx);
      await files.makeFile(`${tmp}/${ABOUT}`, JSON.stringify(about));
      await files.syncDir(tmp);
      ctx.signal.throwIfAborted();
      await place.verify();
      if (!(await files.moveDir(tmp, at(name)))) throw taken(name, 'a snapshot that was made meanwhile');
      await files.syncDir(place.path(SNAPSHOTS));
      return about;
    } catch (e) {
      await removeTree(tmp, 30_000).catch(() => undefined);
      throw e;
    }
  };

  return {
    async list(query, ctx) {
      await enter(ctx);
      const names = ((await files.entries(place.path(SNAPSHOTS))) ?? []).sort();
      return pageOf(names, query, async (name) => {
        const s = await read(name);
        return query.volumeId === undefined || s?.volumeId === query.volumeId ? s : undefined;
      });
    },

    async create(volumeId, name, o, ctx) {
      await enter(ctx);
      assertName(name, 'snapshot');
      return turns.take(`snapshot ${name}`, async () => {
        const k = await byId(place, volumeId);
        const there = await read(name);
        if (there === undefined) return make(k, name, o.consistency, ctx);
        if (there.volumeId === volumeId) return there;
        throw taken(name, `a snapshot of volume "${there.volumeName}"`);
      });
    },

    async remove(id, ctx) {
      await enter(ctx);
      const s = await named(id);
      if (s === undefined) return;
      const trash = place.scratch(TRASH);
      if (!(await files.moveAway(at(s.name), trash))) return;
      await files.syncDir(place.path(SNAPSHOTS));
      await removeTree(trash, 60_000).catch(() => undefined);
    },

    async restore(id, name, spec, ctx) {
      await enter(ctx);
      const s = await named(id);
      if (s === undefined) throw notFound('Snapshot', id);
      const kept = { sizeBytes: s.sizeBytes, createdAt: '', nonce: '', record: s.record };
      return copy(at(s.name, DATA), { id, kept }, name, spec, ctx);
    },
  };
}
