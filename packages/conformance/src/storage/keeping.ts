import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { pause } from '../outcome.ts';
import { premise } from '../runner.ts';
import type { StorageRule } from './world.ts';

/** Identity of the storage, what is not ours, what is half made, and callers that go away. */
export const KEEPING: readonly StorageRule[] = [
  {
    id: 'storage/identity',
    says: 'the storage has one identity, the same for every node (S9)',
    async run(t) {
      const identity = t.verb('identity');
      const first = await identity({}, t.ctx());
      assert.ok(first !== '', 'an identity is not empty');
      assert.equal(await identity({ expected: first }, t.ctx()), first);
      if (t.driver.traits.scope === 'global') {
        const other = await t.another();
        assert.equal(await other.driver.identity?.({}, t.ctx()), first);
      }
    },
  },
  {
    id: 'storage/identity-pinned',
    says: 'another storage than the pinned one is unavailable (S9)',
    async run(t) {
      const identity = t.verb('identity');
      await identity({}, t.ctx());
      await t.rejects('another identity', identity({ expected: randomUUID() }, t.ctx()), 'unavailable');
    },
  },
  {
    id: 'storage/lost',
    says: 'a storage that is not there is unavailable, never not_found, and nothing is made in its place (S9)',
    async run(t) {
      const identity = t.verb('identity');
      const lose = t.hook('lose');
      const expected = await identity({}, t.ctx());
      const v = await t.make();
      const name = t.name('ghost');
      const back = await lose();
      try {
        await t.rejects('identity', identity({ expected }, t.ctx()), 'unavailable');
        await t.rejects('get', t.get(v.id), 'unavailable');
        await t.rejects('list', t.driver.list({}, t.ctx()), 'unavailable');
        await t.rejects('create', t.make(name), 'unavailable');
      } finally {
        await back();
      }
      assert.equal((await t.get(v.id)).id, v.id);
      assert.deepEqual(await t.named(name), []);
    },
  },
  {
    id: 'storage/foreign-shown',
    says: 'what another tool put there is listed as foreign, and find does not answer it',
    async run(t) {
      const { name } = await t.hook('foreign')();
      const shown = (await t.all()).find((v) => v.name === name);
      assert.equal(shown?.foreign, true, `${name} is not listed as foreign`);
      assert.equal(await t.driver.find?.(name, t.ctx()), undefined);
    },
  },
  {
    id: 'storage/foreign-untouched',
    says: 'what another tool put there is not attached, marked, removed or taken by create (S12)',
    async run(t) {
      const { name, intact } = await t.hook('foreign')();
      const v = (await t.all()).find((x) => x.name === name);
      premise(v?.foreign === true, 'storage/foreign-shown');
      for (const [verb, p] of Object.entries<() => Promise<unknown>>({
        attach: () => t.attach(v.id),
        mark: () => t.driver.mark(v.id, { labels: { x: 'y' } }, { ifRevision: v.record.revision }, t.ctx()),
        remove: () => t.driver.remove(v.id, t.ctx()),
      })) {
        assert.ok(!(await t.settle(p())).ok, `${verb} of a foreign volume succeeded`);
      }
      const r = await t.settle(t.make(name));
      if (r.ok) assert.notEqual(r.value.id, v.id, 'create answered what is not ours');
      else assert.equal(t.code(r.error), 'already_exists');
      const still = (await t.all()).find((x) => x.id === v.id);
      assert.equal(still?.foreign, true, 'it is not there as it was');
      if (intact !== undefined) assert.ok(await intact(), 'its content changed');
    },
  },
  {
    id: 'storage/adopt',
    says: 'adopt makes a foreign volume ours, under a name and with a record; again is the same',
    async run(t) {
      const adopt = t.verb('adopt');
      const { name: found } = await t.hook('foreign')();
      const v = (await t.all()).find((x) => x.name === found);
      premise(v?.foreign === true, 'storage/foreign-shown');
      const name = t.name('adopted');
      const record = t.record({ labels: { was: 'foreign' } });
      const ours = await adopt(v.id, name, record, t.ctx());
      const { revision: _, ...kept } = ours.record;
      assert.deepEqual(
        { name: ours.name, foreign: ours.foreign ?? false, record: kept },
        { name, foreign: false, record },
      );
      assert.deepEqual(
        (await t.all()).filter((x) => x.foreign === true && x.name === found),
        [],
        'it is still foreign',
      );
      assert.deepEqual(
        (await t.named(name)).map((x) => x.id),
        [ours.id],
      );
      assert.equal((await adopt(ours.id, name, record, t.ctx())).id, ours.id);
    },
  },
  {
    id: 'storage/sweep',
    says: 'sweep removes what this node left half made in an earlier boot, and names it (S12)',
    async run(t) {
      const sweep = t.verb('sweep');
      const half = await t.hook('halfMade')(t.node, randomUUID());
      premise(await half.exists(), 'the test’s halfMade()');
      const swept = await sweep(t.node, t.facts.bootId, t.ctx());
      assert.ok(swept.length > 0, 'nothing was named');
      assert.equal(await half.exists(), false, 'it is still there');
    },
  },
  {
    id: 'storage/sweep-nothing-else',
    says: 'sweep touches no volume, no snapshot, nothing of another node and nothing foreign (S12)',
    async run(t) {
      const sweep = t.verb('sweep');
      const v = await t.make();
      await t.driver.snapshots?.create(v.id, t.name('snap'), { consistency: 'clean' }, t.ctx());
      await t.world.foreign?.();
      const others = await t.world.halfMade?.(randomUUID(), randomUUID());
      const attached = await t.make();
      await t.attach(attached.id);
      const state = async (): Promise<unknown> => [
        [...(await t.all())].sort((a, b) => (a.id < b.id ? -1 : 1)),
        (await t.driver.snapshots?.list({}, t.ctx()))?.items,
        await others?.exists(),
      ];
      const before = await state();
      assert.deepEqual(await sweep(t.node, t.facts.bootId, t.ctx()), []);
      assert.deepEqual(await state(), before);
    },
  },
  {
    id: 'storage/half-made-hidden',
    says: 'what is half made is no volume: not listed as ours, and create of its name makes a whole one',
    async run(t) {
      const before = (await t.all()).length;
      await t.hook('halfMade')(t.node, randomUUID());
      const ours = (await t.all()).filter((v) => v.foreign !== true);
      assert.equal(ours.length, before, 'it is listed as a volume');
    },
  },
  {
    id: 'storage/cancel-before',
    says: 'a verb that is called with an aborted signal throws and makes nothing',
    async run(t) {
      const name = t.name();
      const r = await t.settle(t.driver.create(name, t.spec(), t.ctx(AbortSignal.abort())));
      assert.ok(!r.ok, 'create succeeded for a caller that is gone');
      assert.deepEqual(await t.named(name), []);
    },
  },
  {
    id: 'storage/cancel-midway',
    says: 'a create that is aborted midway leaves a whole volume or none, and can be repeated',
    async run(t) {
      for (const ms of t.o.abortAfterMs ?? [0, 1, 3, 10]) {
        const name = t.name();
        const record = t.record({ labels: { after: String(ms) } });
        const gone = new AbortController();
        const creating = t.settle(t.driver.create(name, t.spec({ record }), t.ctx(gone.signal)));
        await pause(ms);
        gone.abort();
        await creating;
        const left = await t.named(name);
        assert.ok(left.length <= 1, 'there are two');
        for (const v of left) assert.deepEqual({ ...v.record, revision: '' }, { ...record, revision: '' });
        const v = await t.make(name, { record });
        if (left[0] !== undefined) assert.equal(v.id, left[0].id, 'what was left was not the volume');
        assert.deepEqual(
          (await t.named(name)).map((x) => x.id),
          [v.id],
        );
      }
    },
  },
];
