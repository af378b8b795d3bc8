import { assertName, bytes, type Ctx, notFound, VolumeError } from '@rexray/core';
import { pause, stored, type WrongDriver } from './wrong.ts';

export const KEEPING: readonly WrongDriver[] = [
  {
    rule: 'storage/identity',
    mistake: 'each node has another identity for the same storage',
    wrong: ({ driver: d }) => {
      const mine = String(Math.random());
      return {
        async identity(o, ctx) {
          await d.identity({}, ctx);
          if (o.expected === undefined || o.expected === mine) return mine;
          throw new VolumeError('unavailable', 'another', { details: {} });
        },
      };
    },
  },
  {
    rule: 'storage/identity-pinned',
    mistake: 'the pinned identity is not compared',
    wrong: ({ driver: d }) => ({ identity: (_o, ctx) => d.identity({}, ctx) }),
  },
  {
    rule: 'storage/lost',
    mistake: 'a storage that is not there has no such volume',
    wrong: ({ driver: d, backend: b }) => ({
      async get(id, ctx) {
        if (b.lost) throw notFound('Volume', id);
        return d.get(id, ctx);
      },
    }),
  },
  {
    rule: 'storage/foreign-shown',
    mistake: 'shows another’s volume as ours',
    wrong: ({ driver: d }) => ({
      async list(q, ctx) {
        const p = await d.list(q, ctx);
        return { ...p, items: p.items.map(({ foreign: _, ...v }) => v) };
      },
    }),
  },
  {
    rule: 'storage/foreign-untouched',
    mistake: 'removes another’s volume',
    wrong: ({ driver: d, backend: b }) => ({
      async remove(id, ctx) {
        const v = b.volumes.get(id);
        if (v?.foreign) b.volumes.delete(id);
        else await d.remove(id, ctx);
      },
    }),
  },
  {
    rule: 'storage/adopt',
    mistake: 'keeps the name that it had',
    wrong: ({ driver: d, backend: b }) => ({
      adopt: async (id, _name, record, ctx) => d.adopt(id, stored(b, id).name, record, ctx),
    }),
  },
  {
    rule: 'storage/sweep',
    mistake: 'sweeps nothing',
    wrong: () => ({ sweep: async () => [] }),
  },
  {
    rule: 'storage/sweep-nothing-else',
    mistake: 'sweeps what another node has half made',
    wrong: ({ backend: b }) => ({
      async sweep() {
        const all = [...b.half.keys()];
        b.half.clear();
        return all;
      },
    }),
  },
  {
    rule: 'storage/half-made-hidden',
    mistake: 'lists what is half made',
    wrong: ({ driver: d, backend: b }) => ({
      async list(q, ctx: Ctx) {
        const p = await d.list(q, ctx);
        const half = [...b.half.values()].map(({ id, name }) => ({ ...toShow(name), id }));
        return { ...p, items: [...p.items, ...half] };
      },
    }),
  },
  {
    rule: 'storage/cancel-before',
    mistake: 'the signal is not looked at',
    wrong: ({ driver: d }) => ({
      create: (name, spec, ctx) => d.create(name, spec, { ...ctx, signal: new AbortController().signal }),
    }),
  },
  {
    rule: 'storage/cancel-midway',
    mistake: 'a caller that goes away leaves a volume without its record',
    wrong: ({ driver: d, backend: b }) => ({
      async create(name, spec, ctx) {
        ctx.signal.throwIfAborted();
        await pause(5);
        if (ctx.signal.aborted) {
          assertName(name);
          b.put(name, spec.sizeBytes, { ...spec.record, labels: {} }, { params: spec.params });
        }
        return d.create(name, spec, ctx);
      },
    }),
  },
];

const toShow = (name: string) => ({
  name,
  sizeBytes: bytes(0),
  attachments: [],
  record: { format: { state: 'none' as const }, hints: {}, labels: {}, owner: {}, revision: '0' },
  params: {},
});
