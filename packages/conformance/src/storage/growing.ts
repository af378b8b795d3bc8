import assert from 'node:assert/strict';
import { bytes } from '@rexray/core';
import type { StorageRule } from './world.ts';

/** Expand and capacity. */
export const GROWING: readonly StorageRule[] = [
  {
    id: 'storage/expand',
    says: 'expand grows to at least the asked size',
    async run(t) {
      t.sized();
      const expand = t.verb('expand');
      const v = await t.make();
      const asked = bytes(v.sizeBytes * 2);
      const grown = await expand(v.id, asked, t.ctx());
      assert.ok(grown.sizeBytes >= asked, `asked ${asked}, got ${grown.sizeBytes}`);
      assert.equal((await t.get(v.id)).sizeBytes, grown.sizeBytes);
    },
  },
  {
    id: 'storage/expand-never-shrinks',
    says: 'a size that is smaller or equal changes nothing and succeeds (S17)',
    async run(t) {
      t.sized();
      const expand = t.verb('expand');
      const v = await t.make(t.name(), { sizeBytes: t.size(2) });
      for (const asked of [v.sizeBytes, t.size(), bytes(1)]) {
        assert.equal((await expand(v.id, asked, t.ctx())).sizeBytes, v.sizeBytes, `asked ${asked}`);
      }
      assert.equal((await t.get(v.id)).sizeBytes, v.sizeBytes);
    },
  },
  {
    id: 'storage/expand-keeps-record',
    says: 'expand keeps id, name, record and content',
    async run(t) {
      t.sized();
      const expand = t.verb('expand');
      const v = await t.make(t.name(), { record: t.record({ labels: { keep: 'me' } }) });
      await t.world.content?.write(v.id, 'before');
      await expand(v.id, bytes(v.sizeBytes * 2), t.ctx());
      const { id, name, record } = await t.get(v.id);
      assert.deepEqual({ id, name, record }, { id: v.id, name: v.name, record: v.record });
      if (t.world.content !== undefined) assert.equal(await t.world.content.read(v.id), 'before');
    },
  },
  {
    id: 'storage/expand-absent',
    says: 'expand of an unknown volume is not_found',
    async run(t) {
      const expand = t.verb('expand');
      await t.rejects('an unknown id', expand('never-given-0123456789abcdef', t.size(), t.ctx()), 'not_found');
    },
  },
  {
    id: 'storage/capacity',
    says: 'capacity is a number of bytes, with no more free than there is',
    async run(t) {
      const { totalBytes, freeBytes } = await t.verb('capacity')(t.ctx());
      assert.ok(Number.isSafeInteger(totalBytes) && Number.isSafeInteger(freeBytes), 'not whole numbers');
      assert.ok(freeBytes >= 0 && freeBytes <= totalBytes, `${freeBytes} free of ${totalBytes}`);
    },
  },
];
