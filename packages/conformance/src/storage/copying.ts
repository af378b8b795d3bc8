import assert from 'node:assert/strict';
import type { DriverVolume, SnapshotVerbs } from '@rexray/core';
import type { StorageBench } from './bench.ts';
import type { StorageRule } from './world.ts';

const ABSENT = 'never-given-0123456789abcdef';

/** Clone, snapshots, restore. */
export const COPYING: readonly StorageRule[] = [
  {
    id: 'storage/clone',
    says: 'clone makes a volume of its own, at least as large, whose record says copied',
    async run(t) {
      const clone = t.verb('clone');
      const source = await t.make();
      const name = t.name();
      const copy = await clone(source.id, name, copySpec(t, source), t.ctx());
      assertCopy(t, copy, source, name);
      assert.deepEqual((await t.get(source.id)).record, source.record, 'the source changed');
      assert.equal((await t.named(name)).length, 1);
    },
  },
  {
    id: 'storage/clone-content',
    says: 'a clone holds what its source held, and neither sees what the other writes later',
    async run(t) {
      const clone = t.verb('clone');
      const content = t.hook('content');
      const source = await t.make();
      await content.write(source.id, 'then');
      const copy = await clone(source.id, t.name(), copySpec(t, source), t.ctx());
      assert.equal(await content.read(copy.id), 'then');
      await content.write(source.id, 'source later');
      assert.equal(await content.read(copy.id), 'then');
      await content.write(copy.id, 'copy later');
      assert.equal(await content.read(source.id), 'source later');
    },
  },
  {
    id: 'storage/clone-taken',
    says: 'a clone under the name of another volume is already_exists and leaves that one alone',
    async run(t) {
      const clone = t.verb('clone');
      const [source, other] = [await t.make(), await t.make()];
      await t.rejects('a taken name', clone(source.id, other.name, copySpec(t, source), t.ctx()), 'already_exists');
      assert.deepEqual(await t.named(other.name), [other]);
    },
  },
  {
    id: 'storage/clone-absent',
    says: 'a clone of an unknown volume is not_found and makes nothing',
    async run(t) {
      const clone = t.verb('clone');
      const name = t.name();
      await t.rejects('an unknown id', clone(ABSENT, name, t.spec(), t.ctx()), 'not_found');
      assert.deepEqual(await t.named(name), []);
    },
  },
  {
    id: 'storage/snapshot',
    says: 'a snapshot tells its volume, its size, its record and its consistency',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const v = await t.make(t.name(), { record: t.record({ labels: { a: '1' } }) });
      const name = t.name('snap');
      const s = await snapshots.create(v.id, name, { consistency: 'crash' }, t.ctx());
      assert.deepEqual(
        { name: s.name, volumeId: s.volumeId, volumeName: s.volumeName, consistency: s.consistency },
        { name, volumeId: v.id, volumeName: v.name, consistency: 'crash' },
      );
      assert.deepEqual([s.record.format, s.record.labels], [v.record.format, v.record.labels]);
      assert.ok(s.sizeBytes >= v.sizeBytes, 'smaller than its volume');
    },
  },
  {
    id: 'storage/snapshot-idempotent',
    says: 'the same snapshot again answers the first',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const v = await t.make();
      const name = t.name('snap');
      const first = await snapshots.create(v.id, name, { consistency: 'clean' }, t.ctx());
      const again = await snapshots.create(v.id, name, { consistency: 'clean' }, t.ctx());
      assert.equal(again.id, first.id);
      assert.equal((await allSnapshots(t, snapshots)).filter((s) => s.name === name).length, 1);
    },
  },
  {
    id: 'storage/snapshot-taken',
    says: 'a snapshot name of another volume is already_exists',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const [one, two] = [await t.make(), await t.make()];
      const name = t.name('snap');
      await snapshots.create(one.id, name, { consistency: 'clean' }, t.ctx());
      const taken = snapshots.create(two.id, name, { consistency: 'clean' }, t.ctx());
      await t.rejects('a taken name', taken, 'already_exists');
    },
  },
  {
    id: 'storage/snapshot-absent-volume',
    says: 'a snapshot of an unknown volume is not_found',
    async run(t) {
      const create = t.verb('snapshots').create(ABSENT, t.name('snap'), { consistency: 'clean' }, t.ctx());
      await t.rejects('an unknown id', create, 'not_found');
    },
  },
  {
    id: 'storage/snapshot-list',
    says: 'the pages of snapshots hold each once, and only those of the asked volume',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const [one, two] = [await t.make(), await t.make()];
      const made = [];
      for (let i = 0; i < 3; i++) {
        made.push((await snapshots.create(one.id, t.name('snap'), { consistency: 'clean' }, t.ctx())).id);
      }
      await snapshots.create(two.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      const listed = await allSnapshots(t, snapshots, { volumeId: one.id, limit: 2 });
      assert.deepEqual(listed.map((s) => s.id).sort(), made.sort());
    },
  },
  {
    id: 'storage/snapshot-remove',
    says: 'a removed snapshot is gone, and only that one',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const v = await t.make();
      const gone = await snapshots.create(v.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      const kept = await snapshots.create(v.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      await snapshots.remove(gone.id, t.ctx());
      const left = (await allSnapshots(t, snapshots)).map((s) => s.id);
      assert.ok(!left.includes(gone.id), 'it is still listed');
      assert.ok(left.includes(kept.id), 'another snapshot went with it');
      assert.equal((await t.get(v.id)).id, v.id, 'the volume went with it');
    },
  },
  {
    id: 'storage/snapshot-remove-absent',
    says: 'removing a snapshot that is absent succeeds',
    async run(t) {
      await t.verb('snapshots').remove(ABSENT, t.ctx());
    },
  },
  {
    id: 'storage/snapshot-outlives',
    says: 'removing a volume loses no snapshot: it stays, or the removal is refused',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const v = await t.make();
      const s = await snapshots.create(v.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      const r = await t.settle(t.driver.remove(v.id, t.ctx()));
      if (!r.ok) assert.equal(t.code(r.error), 'in_use');
      const left = (await allSnapshots(t, snapshots)).map((x) => x.id);
      assert.ok(left.includes(s.id), 'the snapshot is gone');
    },
  },
  {
    id: 'storage/restore',
    says: 'restore makes a new volume, at least as large, whose record says copied',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const source = await t.make();
      const s = await snapshots.create(source.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      const name = t.name();
      const copy = await snapshots.restore(s.id, name, copySpec(t, source), t.ctx());
      assertCopy(t, copy, source, name);
      assert.equal((await t.named(name)).length, 1);
    },
  },
  {
    id: 'storage/restore-content',
    says: 'a restored volume holds what was there when the snapshot was taken, each time',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const content = t.hook('content');
      const source = await t.make();
      await content.write(source.id, 'then');
      const s = await snapshots.create(source.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      await content.write(source.id, 'later');
      const one = await snapshots.restore(s.id, t.name(), copySpec(t, source), t.ctx());
      assert.equal(await content.read(one.id), 'then');
      await content.write(one.id, 'changed in the copy');
      const two = await snapshots.restore(s.id, t.name(), copySpec(t, source), t.ctx());
      assert.equal(await content.read(two.id), 'then');
      assert.equal(await content.read(source.id), 'later');
    },
  },
  {
    id: 'storage/restore-taken',
    says: 'a restore under the name of a volume is already_exists and leaves that one alone',
    async run(t) {
      const snapshots = t.verb('snapshots');
      const [source, other] = [await t.make(), await t.make()];
      const s = await snapshots.create(source.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      const taken = snapshots.restore(s.id, other.name, copySpec(t, source), t.ctx());
      await t.rejects('a taken name', taken, 'already_exists');
      assert.deepEqual(await t.named(other.name), [other]);
    },
  },
  {
    id: 'storage/restore-absent',
    says: 'restoring an unknown snapshot is not_found and makes nothing',
    async run(t) {
      const name = t.name();
      await t.rejects('an unknown id', t.verb('snapshots').restore(ABSENT, name, t.spec(), t.ctx()), 'not_found');
      assert.deepEqual(await t.named(name), []);
    },
  },
];

/** What the integration passes for a copy: the source's own format state. */
const copySpec = <P>(t: StorageBench<P>, source: DriverVolume<P>) =>
  t.spec({ sizeBytes: source.sizeBytes, record: t.record({ format: source.record.format }), asked: [] });

function assertCopy<P>(t: StorageBench<P>, copy: DriverVolume<P>, source: DriverVolume<P>, name: string): void {
  assert.equal(copy.name, name);
  assert.notEqual(copy.id, source.id);
  assert.ok(copy.sizeBytes >= source.sizeBytes, `${copy.sizeBytes} is smaller than the source’s ${source.sizeBytes}`);
  assert.deepEqual(copy.attachments, []);
  assert.deepEqual(copy.record.format, source.record.format);
  if (t.driver.traits.fsTypes !== undefined) assert.equal(copy.record.copied, true, 'the record does not say copied');
}

async function allSnapshots<P>(
  t: StorageBench<P>,
  verbs: SnapshotVerbs<P>,
  o: { volumeId?: string; limit?: number } = {},
) {
  const found = [];
  let cursor: string | undefined;
  for (let page = 0; page < 200; page++) {
    const p = await verbs.list({ ...o, ...(cursor !== undefined && { cursor }) }, t.ctx());
    found.push(...p.items);
    if (p.next === undefined) return found;
    cursor = p.next;
  }
  return assert.fail('snapshots.list did not end within 200 pages');
}
