import { assertName } from '@rexray/core';
import type { WrongDriver } from './wrong.ts';

export const LISTING: readonly WrongDriver[] = [
  {
    rule: 'storage/list-complete',
    mistake: 'the last page lacks its last volume',
    wrong: ({ driver: d }) => ({
      async list(q, ctx) {
        const p = await d.list(q, ctx);
        return q.cursor !== undefined && p.next === undefined ? { items: p.items.slice(0, -1) } : p;
      },
    }),
  },
  {
    rule: 'storage/list-limit',
    mistake: 'the limit is ignored',
    wrong: ({ driver: d }) => ({ list: ({ limit: _, ...q }, ctx) => d.list(q, ctx) }),
  },
  {
    rule: 'storage/list-stable',
    mistake: 'another order each time',
    wrong: ({ driver: d }) => {
      let n = 0;
      return {
        async list(q, ctx) {
          const p = await d.list(q, ctx);
          n += 1;
          return q.limit === undefined && n % 2 === 0 ? { ...p, items: [...p.items].reverse() } : p;
        },
      };
    },
  },
  {
    rule: 'storage/list-moving',
    mistake: 'the cursor counts volumes',
    wrong: ({ driver: d }) => ({
      async list(q, ctx) {
        const all = (await d.list({ limit: 1000 }, ctx)).items;
        const at = Number(q.cursor ?? 0);
        const to = at + (q.limit ?? 100);
        return { items: all.slice(at, to), ...(to < all.length && { next: String(to) }) };
      },
    }),
  },
  {
    rule: 'storage/list-agrees',
    mistake: 'list forgets the hints',
    wrong: ({ driver: d }) => ({
      async list(q, ctx) {
        const p = await d.list(q, ctx);
        return { ...p, items: p.items.map((v) => ({ ...v, record: { ...v.record, hints: {} } })) };
      },
    }),
  },
  {
    rule: 'storage/names-plain',
    mistake: 'sees a parent directory in "x..y"',
    wrong: ({ driver: d }) => ({
      async create(name, spec, ctx) {
        if (name.includes('..')) assertName('..');
        return d.create(name, spec, ctx);
      },
    }),
  },
  {
    rule: 'storage/names-hostile',
    mistake: 'makes another name of it',
    wrong: ({ driver: d }) => ({ create: (name, spec, ctx) => d.create(name.replace('/', '_'), spec, ctx) }),
  },
  {
    rule: 'storage/names-case',
    mistake: 'upper and lower case are one volume',
    wrong: ({ driver: d, backend: b }) => ({
      async create(name, spec, ctx) {
        const same = [...b.volumes.values()].find((v) => !v.foreign && v.name.toLowerCase() === name.toLowerCase());
        return same === undefined || same.name === name ? d.create(name, spec, ctx) : d.get(same.id, ctx);
      },
    }),
  },
];
