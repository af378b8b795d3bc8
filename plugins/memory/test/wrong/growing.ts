import { bytes } from '@rexray/core';
import { stored, unclassified, type WrongDriver } from './wrong.ts';

export const GROWING: readonly WrongDriver[] = [
  {
    rule: 'storage/expand',
    mistake: 'says that it grew, and did not',
    wrong: ({ driver: d }) => ({ expand: (id, _size, ctx) => d.get(id, ctx) }),
  },
  {
    rule: 'storage/expand-never-shrinks',
    mistake: 'shrinks',
    wrong: ({ driver: d, backend: b }) => ({
      async expand(id, size, ctx) {
        const { disk } = stored(b, id);
        disk.sizeBytes = Math.min(disk.sizeBytes, size);
        return d.expand(id, size, ctx);
      },
    }),
  },
  {
    rule: 'storage/expand-keeps-record',
    mistake: 'the larger disk is an empty one',
    wrong: ({ driver: d, backend: b }) => ({
      async expand(id, size, ctx) {
        stored(b, id).disk.content = {};
        return d.expand(id, size, ctx);
      },
    }),
  },
  {
    rule: 'storage/expand-absent',
    mistake: 'an error that classify does not know',
    wrong: ({ driver: d }) => ({ expand: (id, size, ctx) => unclassified(d.expand(id, size, ctx)) }),
  },
  {
    rule: 'storage/capacity',
    mistake: 'more free than there is',
    wrong: ({ driver: d }) => ({
      async capacity(ctx) {
        const { totalBytes } = await d.capacity(ctx);
        return { totalBytes, freeBytes: bytes(totalBytes * 2) };
      },
    }),
  },
];
