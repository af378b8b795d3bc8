import { notFound } from '@rexray/core';
import type { MemoryBackend, MemoryDriver } from '../../src/index.ts';
import type { Wrong } from '../world.ts';
import { stored, unclassified, type WrongDriver } from './wrong.ts';

const snapshotsWrong =
  (change: (d: MemoryDriver, b: MemoryBackend) => Partial<MemoryDriver['snapshots']>): Wrong =>
  ({ driver: d, backend: b }) => ({ snapshots: { ...d.snapshots, ...change(d, b) } });

const uncopied = (b: MemoryBackend, id: string): void => {
  const v = stored(b, id);
  const { copied: _, ...record } = v.record;
  v.record = record;
};

export const COPYING: readonly WrongDriver[] = [
  {
    rule: 'storage/clone',
    mistake: 'the record does not say copied',
    wrong: ({ driver: d, backend: b }) => ({
      async clone(id, name, spec, ctx) {
        const v = await d.clone(id, name, spec, ctx);
        uncopied(b, v.id);
        return d.get(v.id, ctx);
      },
    }),
  },
  {
    rule: 'storage/clone-content',
    mistake: 'the clone is empty',
    wrong: ({ driver: d, backend: b }) => ({
      async clone(id, name, spec, ctx) {
        const v = await d.clone(id, name, spec, ctx);
        stored(b, v.id).disk.content = {};
        return v;
      },
    }),
  },
  {
    rule: 'storage/clone-taken',
    mistake: 'answers the volume that has the name',
    wrong: ({ driver: d, backend: b }) => ({
      async clone(id, name, spec, ctx) {
        const there = b.byName(name);
        return there === undefined ? d.clone(id, name, spec, ctx) : d.get(there.id, ctx);
      },
    }),
  },
  {
    rule: 'storage/clone-absent',
    mistake: 'makes an empty volume',
    wrong: ({ driver: d, backend: b }) => ({
      clone: (id, name, spec, ctx) => (b.volumes.has(id) ? d.clone(id, name, spec, ctx) : d.create(name, spec, ctx)),
    }),
  },
  {
    rule: 'storage/snapshot',
    mistake: 'every snapshot is called clean',
    wrong: snapshotsWrong((d) => ({
      create: (id, name, _o, ctx) => d.snapshots.create(id, name, { consistency: 'clean' }, ctx),
    })),
  },
  {
    rule: 'storage/snapshot-idempotent',
    mistake: 'the same name again is another snapshot',
    wrong: snapshotsWrong((d, b) => ({
      async create(id, name, o, ctx) {
        const again = [...b.snapshots.values()].some((s) => s.about.name === name && s.about.volumeId === id);
        const s = await d.snapshots.create(id, name, o, ctx);
        if (!again) return s;
        const about = { ...s, id: b.nextId('snap') };
        b.snapshots.set(about.id, { about, content: {} });
        return about;
      },
    })),
  },
  {
    rule: 'storage/snapshot-taken',
    mistake: 'answers the snapshot of another volume',
    wrong: snapshotsWrong((d, b) => ({
      async create(id, name, o, ctx) {
        const there = [...b.snapshots.values()].find((s) => s.about.name === name);
        return there === undefined ? d.snapshots.create(id, name, o, ctx) : there.about;
      },
    })),
  },
  {
    rule: 'storage/snapshot-absent-volume',
    mistake: 'an error that classify does not know',
    wrong: snapshotsWrong((d) => ({
      create: (id, name, o, ctx) => unclassified(d.snapshots.create(id, name, o, ctx)),
    })),
  },
  {
    rule: 'storage/snapshot-list',
    mistake: 'answers those of every volume',
    wrong: snapshotsWrong((d) => ({ list: ({ volumeId: _, ...q }, ctx) => d.snapshots.list(q, ctx) })),
  },
  {
    rule: 'storage/snapshot-remove',
    mistake: 'takes the other snapshots of the volume with it',
    wrong: snapshotsWrong((_d, b) => ({
      async remove(id) {
        const gone = b.snapshots.get(id)?.about.volumeId;
        for (const [key, s] of b.snapshots) if (s.about.volumeId === gone) b.snapshots.delete(key);
      },
    })),
  },
  {
    rule: 'storage/snapshot-remove-absent',
    mistake: 'throws where there is none',
    wrong: snapshotsWrong((d, b) => ({
      async remove(id, ctx) {
        if (!b.snapshots.has(id)) throw notFound('Snapshot', id);
        await d.snapshots.remove(id, ctx);
      },
    })),
  },
  {
    rule: 'storage/snapshot-outlives',
    mistake: 'the snapshots go with their volume',
    wrong: ({ driver: d, backend: b }) => ({
      async remove(id, ctx) {
        await d.remove(id, ctx);
        for (const [key, s] of b.snapshots) if (s.about.volumeId === id) b.snapshots.delete(key);
      },
    }),
  },
  {
    rule: 'storage/restore',
    mistake: 'the record does not say copied',
    wrong: snapshotsWrong((d, b) => ({
      async restore(id, name, spec, ctx) {
        const v = await d.snapshots.restore(id, name, spec, ctx);
        uncopied(b, v.id);
        return d.get(v.id, ctx);
      },
    })),
  },
  {
    rule: 'storage/restore-content',
    mistake: 'restores what the volume holds now',
    wrong: snapshotsWrong((d, b) => ({
      async restore(id, name, spec, ctx) {
        const v = await d.snapshots.restore(id, name, spec, ctx);
        const source = b.volumes.get(b.snapshots.get(id)?.about.volumeId ?? '');
        stored(b, v.id).disk.content = structuredClone(source?.disk.content ?? {});
        return v;
      },
    })),
  },
  {
    rule: 'storage/restore-taken',
    mistake: 'answers the volume that has the name',
    wrong: snapshotsWrong((d, b) => ({
      async restore(id, name, spec, ctx) {
        const there = b.byName(name);
        return there === undefined ? d.snapshots.restore(id, name, spec, ctx) : d.get(there.id, ctx);
      },
    })),
  },
  {
    rule: 'storage/restore-absent',
    mistake: 'makes an empty volume',
    wrong: snapshotsWrong((d, b) => ({
      restore: (id, name, spec, ctx) =>
        b.snapshots.has(id) ? d.snapshots.restore(id, name, spec, ctx) : d.create(name, spec, ctx),
    })),
  },
];
