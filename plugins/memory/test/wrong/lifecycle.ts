import { isDeepStrictEqual } from 'node:util';
import { bytes, mib, notFound } from '@rexray/core';
import { exists, limits, pause, stored, unclassified, type WrongDriver, whereExists, withSpec } from './wrong.ts';

export const LIFECYCLE: readonly WrongDriver[] = [
  {
    rule: 'storage/whoami',
    mistake: 'another name each time',
    wrong: ({ driver: d }) => {
      let n = 0;
      return { whoami: async (facts, ctx) => `${await d.whoami(facts, ctx)}-${n++}` };
    },
  },
  {
    rule: 'storage/create-record',
    mistake: 'the hints are not kept',
    wrong: withSpec((spec) => ({ ...spec, record: { ...spec.record, hints: {} } })),
  },
  {
    rule: 'storage/create-size',
    mistake: 'sizes are rounded down',
    wrong: withSpec((spec) => ({ ...spec, sizeBytes: bytes(Math.floor(spec.sizeBytes / 2 ** 20) * 2 ** 20) })),
  },
  {
    rule: 'storage/create-range',
    mistake: 'more than the largest size is made that size',
    config: limits,
    wrong: withSpec((spec) => ({ ...spec, sizeBytes: bytes(Math.min(spec.sizeBytes, mib(1024))) })),
  },
  {
    rule: 'storage/create-idempotent',
    mistake: 'a repeated create writes the same record once more',
    wrong: whereExists((v, spec, b) => {
      const { revision: _, ...record } = v.record;
      if (isDeepStrictEqual(record, spec.record)) v.record = { ...v.record, revision: b.revision() };
    }),
  },
  {
    rule: 'storage/create-keeps-record',
    mistake: 'create writes its record over that of a volume that exists',
    wrong: whereExists((v, spec) => {
      v.record = { ...spec.record, revision: v.record.revision };
    }),
  },
  {
    rule: 'storage/create-compares-asked-only',
    mistake: 'the size is compared although nobody asked for one',
    wrong: withSpec((spec) => ({ ...spec, asked: [...spec.asked, 'size'] })),
  },
  {
    rule: 'storage/create-smaller',
    mistake: 'any other size is a conflict',
    wrong: ({ driver: d, backend: b }) => ({
      async create(name, spec, ctx) {
        const there = b.byName(name);
        if (there && spec.asked.includes('size') && spec.sizeBytes < there.disk.sizeBytes) throw exists('other size');
        return d.create(name, spec, ctx);
      },
    }),
  },
  {
    rule: 'storage/create-larger',
    mistake: 'the size is never compared',
    wrong: withSpec((spec) => ({ ...spec, asked: spec.asked.filter((a) => a !== 'size') })),
  },
  {
    rule: 'storage/create-other-params',
    mistake: 'the options are never compared',
    wrong: withSpec((spec) => ({ ...spec, asked: spec.asked.filter((a) => a !== 'params') })),
  },
  {
    rule: 'storage/create-concurrent',
    mistake: 'looks for the name, then makes it: two at once make two',
    wrong: ({ driver: d, backend: b }) => ({
      async create(name, spec, ctx) {
        if (b.byName(name) === undefined) await pause(1);
        else return d.create(name, spec, ctx);
        const meanwhile = b.byName(name);
        if (meanwhile === undefined) return d.create(name, spec, ctx);
        return d.get(b.put(name, spec.sizeBytes, spec.record, { params: spec.params }).id, ctx);
      },
    }),
  },
  {
    rule: 'storage/durable',
    mistake: 'what was marked is lost at a restart',
    config: { scope: 'local' },
    durable: true,
    wrong: ({ backend: b, reopened }) => {
      if (reopened) for (const v of b.volumes.values()) v.record = { ...v.record, labels: {} };
      return {};
    },
  },
  {
    rule: 'storage/get-agrees',
    mistake: 'get forgets the options',
    wrong: ({ driver: d }) => ({ get: async (id, ctx) => ({ ...(await d.get(id, ctx)), params: {} }) }),
  },
  {
    rule: 'storage/get-absent',
    mistake: 'an error that classify does not know',
    wrong: ({ driver: d }) => ({ get: (id, ctx) => unclassified(d.get(id, ctx)) }),
  },
  {
    rule: 'storage/find',
    mistake: 'throws where there is none',
    wrong: ({ driver: d, backend: b }) => ({
      async find(name, ctx) {
        if (b.byName(name) === undefined) throw notFound('Volume', name);
        return d.find(name, ctx);
      },
    }),
  },
  {
    rule: 'storage/remove',
    mistake: 'says that it removed, and did not',
    wrong: ({ driver: d, backend: b }) => ({
      async remove(id, ctx) {
        const v = b.volumes.get(id);
        if (v === undefined || v.foreign || v.attachments.length > 0) await d.remove(id, ctx);
      },
    }),
  },
  {
    rule: 'storage/remove-absent',
    mistake: 'throws where there is none',
    wrong: ({ driver: d, backend: b }) => ({
      async remove(id, ctx) {
        stored(b, id);
        await d.remove(id, ctx);
      },
    }),
  },
  {
    rule: 'storage/remove-attached',
    mistake: 'removes under its user',
    wrong: ({ driver: d, backend: b }) => ({
      async remove(id, ctx) {
        const v = b.volumes.get(id);
        if (v !== undefined) v.attachments = [];
        await d.remove(id, ctx);
      },
    }),
  },
  {
    rule: 'storage/recreate-new-id',
    mistake: 'the id is made of the name',
    wrong: ({ driver: d, backend: b }) => {
      const first = new Map<string, string>();
      return {
        async create(name, spec, ctx) {
          const v = await d.create(name, spec, ctx);
          const id = first.get(name) ?? v.id;
          first.set(name, id);
          if (id === v.id) return v;
          b.volumes.set(id, { ...stored(b, v.id), id });
          b.volumes.delete(v.id);
          return d.get(id, ctx);
        },
      };
    },
  },
  {
    rule: 'storage/concurrent-volumes',
    mistake: 'two removals at once take a third volume with them',
    wrong: ({ driver: d, backend: b }) => {
      let now = 0;
      return {
        async remove(id, ctx) {
          now += 1;
          await pause(1);
          const other = [...b.volumes.values()].find((v) => v.id !== id && v.attachments.length === 0);
          if (now > 1 && other !== undefined) b.volumes.delete(other.id);
          now -= 1;
          await d.remove(id, ctx);
        },
      };
    },
  },
];
