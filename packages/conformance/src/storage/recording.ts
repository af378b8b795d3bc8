import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { premise } from '../runner.ts';
import type { StorageRule } from './world.ts';

/** The record: compare-and-swap, and its one-way life. */
export const RECORDING: readonly StorageRule[] = [
  {
    id: 'storage/mark',
    says: 'mark changes what its patch names, keeps the rest, and gives another revision',
    async run(t) {
      const v = await t.make(t.name(), { record: t.record({ labels: { a: '1' }, hints: { iops: 5 } }) });
      const patch = { labels: { b: '2' }, dataDir: '/data' };
      const marked = await t.driver.mark(v.id, patch, { ifRevision: v.record.revision }, t.ctx());
      assert.notEqual(marked.record.revision, v.record.revision);
      assert.deepEqual(marked.record, { ...v.record, ...patch, revision: marked.record.revision });
      assert.deepEqual((await t.get(v.id)).record, marked.record);
    },
  },
  {
    id: 'storage/mark-stale',
    says: 'mark with a stale revision is busy and changes nothing',
    async run(t) {
      const v = await t.make();
      const now = await t.driver.mark(v.id, { labels: { a: '1' } }, { ifRevision: v.record.revision }, t.ctx());
      const stale = t.driver.mark(v.id, { labels: { a: '2' } }, { ifRevision: v.record.revision }, t.ctx());
      await t.rejects('a stale revision', stale, 'busy');
      assert.deepEqual((await t.get(v.id)).record, now.record);
    },
  },
  {
    id: 'storage/mark-race',
    says: 'of marks with the same revision at once, exactly one wins',
    async run(t) {
      const seats = t.driver.traits.scope === 'global' ? [t, await t.another()] : [t];
      const known = await t.make();
      const mark = () => t.driver.mark(known.id, { dataDir: '/d' }, { ifRevision: known.record.revision }, t.ctx());
      await mark();
      premise(!(await t.settle(mark())).ok, 'storage/mark-stale');
      for (let round = 0; round < 3; round++) {
        const v = await t.make();
        const o = { ifRevision: v.record.revision };
        const done = await Promise.all(
          Array.from({ length: 8 }, (_, i) =>
            t.settle((seats[i % seats.length] ?? t).driver.mark(v.id, { labels: { by: String(i) } }, o, t.ctx())),
          ),
        );
        const won = done.flatMap((r, i) => (r.ok ? [String(i)] : []));
        assert.equal(won.length, 1, `${won.length} of 8 won`);
        assert.equal((await t.get(v.id)).record.labels.by, won[0], 'what is kept is not the winner’s');
      }
    },
  },
  {
    id: 'storage/mark-absent',
    says: 'mark of an unknown volume is not_found',
    async run(t) {
      const absent = t.driver.mark('never-given-0123456789abcdef', { labels: {} }, { ifRevision: 'x' }, t.ctx());
      await t.rejects('an unknown id', absent, 'not_found');
    },
  },
  {
    id: 'storage/format-life',
    says: 'blank, formatting and formatted are kept with all they carry (S1)',
    async run(t) {
      const { fsType } = t.formatted();
      const plannedUuid = randomUUID();
      const v = await t.make(t.name(), { record: t.record({ format: { state: 'blank', fsType, consent: true } }) });
      assert.deepEqual(v.record.format, { state: 'blank', fsType, consent: true });
      const formatting = { state: 'formatting', fsType, plannedUuid, epoch: 3 } as const;
      const two = await t.driver.mark(v.id, { format: formatting }, { ifRevision: v.record.revision }, t.ctx());
      assert.deepEqual((await t.get(v.id)).record.format, formatting);
      const formatted = { state: 'formatted', fsType, uuid: plannedUuid } as const;
      await t.driver.mark(v.id, { format: formatted }, { ifRevision: two.record.revision }, t.ctx());
      assert.deepEqual((await t.get(v.id)).record.format, formatted);
    },
  },
  {
    id: 'storage/format-never-back',
    says: 'the format state never goes backwards: data_loss, and nothing changes (S1)',
    async run(t) {
      const { fsType } = t.formatted();
      const format = { state: 'formatted', fsType, uuid: randomUUID() } as const;
      const v = await t.make(t.name(), { record: t.record({ format }) });
      const back = t.driver.mark(
        v.id,
        { format: { state: 'blank', fsType } },
        { ifRevision: v.record.revision },
        t.ctx(),
      );
      await t.rejects('formatted to blank', back, 'data_loss');
      assert.deepEqual((await t.get(v.id)).record, v.record);
    },
  },
  {
    id: 'storage/record-survives-attach',
    says: 'attach and detach do not change the record',
    async run(t) {
      const v = await t.make(t.name(), { record: t.record({ labels: { keep: 'me' } }) });
      await t.attach(v.id);
      assert.deepEqual((await t.get(v.id)).record, v.record, 'after attach');
      await t.detach(v.id);
      assert.deepEqual((await t.get(v.id)).record, v.record, 'after detach');
    },
  },
  {
    id: 'storage/modify',
    says: 'modify changes the hints that it names and keeps the rest',
    async run(t) {
      const modify = t.verb('modify');
      const v = await t.make(t.name(), { record: t.record({ hints: { iops: 5 }, labels: { a: '1' } }) });
      await modify(v.id, { hints: { iops: 9, type: 'gp3' } }, t.ctx());
      const now = await t.get(v.id);
      assert.deepEqual([now.record.hints.iops, now.record.hints.type], [9, 'gp3']);
      assert.deepEqual([now.record.labels, now.record.format], [v.record.labels, v.record.format]);
    },
  },
];
