import assert from 'node:assert/strict';
import { bytes } from '@rexray/core';
import { premise, skip } from '../runner.ts';
import type { StorageRule } from './world.ts';

const about = {
  hints: { iops: 150, type: 'io1' },
  labels: { team: 'a', empty: '' },
  owner: { uid: 1000, mode: 0o750 },
};

/** Create, get, find, remove. */
export const LIFECYCLE: readonly StorageRule[] = [
  {
    id: 'storage/whoami',
    says: 'whoami names the node, the same each time',
    async run(t) {
      assert.ok(typeof t.node === 'string' && t.node !== '', 'a node has a name');
      assert.equal(await t.driver.whoami(t.facts, t.ctx()), t.node);
    },
  },
  {
    id: 'storage/create-record',
    says: 'a created volume has its name, the record of its spec and no attachment',
    async run(t) {
      const name = t.name();
      const record = t.record(about);
      const v = await t.make(name, { record });
      const { revision, ...kept } = v.record;
      assert.equal(v.name, name);
      assert.ok(revision !== '' && typeof revision === 'string', 'the record has a revision');
      assert.deepEqual(kept, record);
      assert.deepEqual(v.attachments, []);
      assert.notEqual(v.foreign, true, 'what we made is ours');
    },
  },
  {
    id: 'storage/create-size',
    says: 'the actual size is at least the asked one',
    async run(t) {
      t.sized();
      const step = t.driver.traits.sizes?.step ?? 1;
      const asked = bytes(step > 1 ? t.size() - 1 : t.size());
      const v = await t.make(t.name(), { sizeBytes: asked });
      assert.ok(v.sizeBytes >= asked, `asked ${asked}, got ${v.sizeBytes}`);
    },
  },
  {
    id: 'storage/create-range',
    says: 'a size outside the traits is out_of_range, or rounded up where it is below the least; nothing is made otherwise',
    async run(t) {
      t.sized();
      const { min, max, step = 1 } = t.driver.traits.sizes ?? { min: bytes(0) };
      if (min <= 1 && max === undefined) skip('the traits allow any size');
      if (min > 1) {
        const r = await t.settle(t.make(t.name(), { sizeBytes: bytes(1) }));
        if (r.ok) assert.ok(r.value.sizeBytes >= min, `${r.value.sizeBytes} is below the least size ${min}`);
        else assert.equal(t.code(r.error), 'out_of_range');
      }
      if (max === undefined) return;
      const name = t.name();
      await t.rejects('more than the largest size', t.make(name, { sizeBytes: bytes(max + step) }), 'out_of_range');
      assert.deepEqual(await t.named(name), []);
    },
  },
  {
    id: 'storage/create-idempotent',
    says: 'the same create again answers the same volume, unchanged',
    async run(t) {
      const name = t.name();
      const first = await t.make(name, { record: t.record(about) });
      const again = await t.make(name, { record: t.record(about) });
      assert.equal(again.id, first.id);
      assert.deepEqual(again.record, first.record);
      assert.equal((await t.named(name)).length, 1);
    },
  },
  {
    id: 'storage/create-keeps-record',
    says: 'create never changes the record of a volume that exists, whatever its spec says (S3)',
    async run(t) {
      const name = t.name();
      const first = await t.make(name);
      await t.make(name, { record: t.record({ labels: { other: 'x' }, hints: { iops: 7 }, readOnly: true }) });
      assert.deepEqual((await t.get(first.id)).record, first.record);
    },
  },
  {
    id: 'storage/create-compares-asked-only',
    says: 'a property that the caller did not write is not compared',
    async run(t) {
      const name = t.name();
      const first = await t.make(name);
      const again = await t.make(name, { sizeBytes: t.size(2), asked: [] });
      assert.equal(again.id, first.id);
      assert.equal(again.sizeBytes, first.sizeBytes);
    },
  },
  {
    id: 'storage/create-smaller',
    says: 'an asked size below the actual one holds: the volume is returned',
    async run(t) {
      t.sized();
      const name = t.name();
      const first = await t.make(name, { sizeBytes: t.size(2) });
      const again = await t.make(name, { sizeBytes: t.size(), asked: ['size'] });
      assert.equal(again.id, first.id);
      assert.equal(again.sizeBytes, first.sizeBytes);
    },
  },
  {
    id: 'storage/create-larger',
    says: 'an asked size above the actual one is already_exists and changes nothing',
    async run(t) {
      t.sized();
      const name = t.name();
      const first = await t.make(name);
      const larger = t.make(name, { sizeBytes: bytes(first.sizeBytes * 2), asked: ['size'] });
      await t.rejects('a larger size', larger, 'already_exists');
      assert.equal((await t.get(first.id)).sizeBytes, first.sizeBytes);
    },
  },
  {
    id: 'storage/create-other-params',
    says: 'asked per-volume options that differ are already_exists',
    async run(t) {
      if (t.o.otherParams === undefined)
        skip('the test gives no otherParams: the driver compares no per-volume option');
      const name = t.name();
      await t.make(name, { asked: ['params'] });
      const other = t.make(name, { params: t.o.otherParams, asked: ['params'] });
      await t.rejects('other options', other, 'already_exists');
    },
  },
  {
    id: 'storage/create-concurrent',
    says: 'creates of one name at once make one volume, and all that succeed answer it',
    async run(t) {
      const name = t.name();
      const seats = t.driver.traits.scope === 'global' ? [t, await t.another()] : [t];
      const calls = Array.from({ length: 8 }, (_, i) => seats[i % seats.length] ?? t);
      const done = await Promise.all(calls.map((s) => t.settle(s.driver.create(name, t.spec(), t.ctx()))));
      const ids = new Set(done.flatMap((r) => (r.ok ? [r.value.id] : [])));
      for (const r of done) if (!r.ok) assert.equal(t.code(r.error), 'busy', `one of them failed: ${String(r.error)}`);
      assert.equal(ids.size, 1, `${ids.size} different volumes were answered`);
      assert.equal((await t.named(name)).length, 1);
    },
  },
  {
    id: 'storage/durable',
    says: 'a volume and its record are there after a restart',
    async run(t) {
      const made = await t.make(t.name(), { record: t.record(about) });
      const marked = await t.driver.mark(
        made.id,
        { labels: { b: '2' } },
        { ifRevision: made.record.revision },
        t.ctx(),
      );
      const again = await t.reopened();
      const v = await t.get(made.id, again);
      assert.deepEqual(
        { id: v.id, name: v.name, record: v.record },
        { id: made.id, name: made.name, record: marked.record },
      );
    },
  },
  {
    id: 'storage/get-agrees',
    says: 'get answers what create did',
    async run(t) {
      const v = await t.make(t.name(), { record: t.record(about) });
      const got = await t.get(v.id);
      assert.deepEqual(
        { id: got.id, name: got.name, sizeBytes: got.sizeBytes, record: got.record, params: got.params },
        { id: v.id, name: v.name, sizeBytes: v.sizeBytes, record: v.record, params: v.params },
      );
    },
  },
  {
    id: 'storage/get-absent',
    says: 'get of an unknown id is not_found',
    async run(t) {
      await t.rejects('an id that was never given', t.get('never-given-0123456789abcdef'), 'not_found');
    },
  },
  {
    id: 'storage/find',
    says: 'find answers the volume of a name, undefined when there is none',
    async run(t) {
      t.verb('find');
      const v = await t.make();
      assert.equal((await t.driver.find?.(v.name, t.ctx()))?.id, v.id);
      assert.equal(await t.driver.find?.(t.name('absent'), t.ctx()), undefined);
    },
  },
  {
    id: 'storage/remove',
    says: 'a removed volume is gone: not listed, and get is not_found',
    async run(t) {
      const v = await t.make();
      const kept = await t.make();
      await t.driver.remove(v.id, t.ctx());
      const ids = (await t.all()).map((x) => x.id);
      assert.ok(!ids.includes(v.id), 'it is still listed');
      assert.ok(ids.includes(kept.id), 'another volume went with it');
      const r = await t.settle(t.get(v.id));
      assert.ok(!r.ok, 'get still answers it');
    },
  },
  {
    id: 'storage/remove-absent',
    says: 'removing what is absent succeeds, once and again',
    async run(t) {
      const v = await t.make();
      await t.driver.remove(v.id, t.ctx());
      await t.driver.remove(v.id, t.ctx());
      await t.driver.remove('never-given-0123456789abcdef', t.ctx());
    },
  },
  {
    id: 'storage/remove-attached',
    says: 'removing what is attached is in_use and removes nothing',
    async run(t) {
      const v = await t.make();
      await t.hold(v.id);
      await t.rejects('an attached volume', t.driver.remove(v.id, t.ctx()), 'in_use');
      assert.equal((await t.get(v.id)).id, v.id);
    },
  },
  {
    id: 'storage/recreate-new-id',
    says: 'a volume made again under the same name has another id (S13)',
    async run(t) {
      const first = await t.make();
      await t.driver.remove(first.id, t.ctx());
      premise((await t.named(first.name)).length === 0, 'storage/remove');
      assert.notEqual((await t.make(first.name)).id, first.id);
    },
  },
  {
    id: 'storage/concurrent-volumes',
    says: 'verbs on different volumes do not disturb each other',
    async run(t) {
      const made = await Promise.all(Array.from({ length: 8 }, () => t.make()));
      assert.equal(new Set(made.map((v) => v.id)).size, 8, 'ids repeat');
      await Promise.all(made.map((v) => t.attach(v.id)));
      await Promise.all(made.map((v) => t.free(v.id)));
      await Promise.all(made.slice(4).map((v) => t.driver.remove(v.id, t.ctx())));
      const left = (await t.all()).map((v) => v.id);
      for (const v of made.slice(0, 4)) assert.ok(left.includes(v.id), 'a volume was lost');
    },
  },
];
