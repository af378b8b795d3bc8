import assert from 'node:assert/strict';
import { NAME_MAX } from '@rexray/core';
import { premise, skip } from '../runner.ts';
import type { IntegrationRule } from './world.ts';

const REFUSED = [
  '',
  '.',
  '..',
  '../up',
  'a/b',
  '/abs',
  'nul\0byte',
  'n'.repeat(300),
  '🙂',
  'two words',
  '-rf',
  'line\nbreak',
];
const PLAIN = ['a', '0', 'Data.v1', 'a_b-c.d', 'x..y', 'n'.repeat(NAME_MAX)];

/** Create, get, list, remove, and what must not happen to a volume that exists. */
export const LIFECYCLE: readonly IntegrationRule[] = [
  {
    id: 'integration/create',
    says: 'a created volume is there, available, with what was asked',
    async run(t) {
      const name = t.name();
      const v = await t.create(name, { labels: { team: 'a' }, hints: { iops: 150, type: 'io1' } });
      assert.deepEqual([v.name, v.state, v.service, v.driver], [name, 'available', t.i.service, t.i.driver]);
      assert.deepEqual([v.labels, v.hints, v.holders], [{ team: 'a' }, { iops: 150, type: 'io1' }, []]);
      if (t.i.traits.sizes !== undefined) assert.ok(v.sizeBytes >= t.size(), `${v.sizeBytes} bytes`);
      assert.equal((await t.i.get(name, t.call)).id, v.id);
    },
  },
  {
    id: 'integration/create-again',
    says: 'the same create again is the same volume',
    async run(t) {
      const first = await t.create();
      const again = await t.create(first.name);
      assert.deepEqual([again.id, again.sizeBytes, again.format], [first.id, first.sizeBytes, first.format]);
      assert.equal((await t.names({ prefix: first.name })).length, 1);
    },
  },
  {
    id: 'integration/create-keeps-data',
    says: 'create on a volume with data changes nothing, whatever file system or overwriteFs it asks for, and says so (S3)',
    async run(t) {
      const { other } = t.fsTypes();
      const content = t.content();
      const first = await t.create(t.name(), { overwriteFs: true });
      const m = await t.mount(first.name);
      await content.write(`${m.path}/f`, 'kept');
      await t.unmount(first.name);
      const formatted = await t.i.get(first.name, t.call);
      for (const o of [
        { overwriteFs: true },
        { fsType: other },
        { fsType: other, overwriteFs: true, hints: { iops: 9 } },
      ]) {
        const v = await t.create(first.name, o);
        assert.deepEqual(
          [v.id, v.fsType, v.fsUuid, v.hints],
          [first.id, formatted.fsType, formatted.fsUuid, formatted.hints],
        );
        assert.ok(v.notes.length > 0, `no note tells that ${JSON.stringify(o)} was not applied`);
        const again = await t.mount(first.name);
        assert.equal(await content.read(`${again.path}/f`), 'kept');
        await t.unmount(first.name);
      }
    },
  },
  {
    id: 'integration/create-larger',
    says: 'a larger asked size than the actual one is already_exists, telling both; a smaller one is fine (S3)',
    async run(t) {
      t.sized();
      const v = await t.create();
      const larger = t.create(v.name, { size: t.size(3) });
      const e = await t.rejects('a larger size', larger, 'already_exists');
      assert.ok(JSON.stringify(e.details).includes(String(v.sizeBytes)), 'the actual size is not told');
      assert.equal((await t.i.get(v.name, t.call)).sizeBytes, v.sizeBytes);
      const big = await t.create(t.name(), { size: t.size(2) });
      assert.equal((await t.create(big.name, { size: t.size() })).sizeBytes, big.sizeBytes);
    },
  },
  {
    id: 'integration/create-concurrent',
    says: 'creates of one name at once make one volume',
    async run(t) {
      const name = t.name();
      const done = await Promise.all(Array.from({ length: 8 }, () => t.settle(t.create(name))));
      const ids = new Set(done.flatMap((r) => (r.ok ? [r.value.id] : [])));
      assert.equal(ids.size, 1, `${ids.size} different volumes`);
      assert.equal((await t.names({ prefix: name })).length, 1);
    },
  },
  {
    id: 'integration/get-absent',
    says: 'get of an absent volume is not_found and tells near names',
    async run(t) {
      const v = await t.create('conformance-data');
      const e = await t.rejects('a typing error', t.i.get('conformance-dta', t.call), 'not_found');
      const { near } = e.details as { near?: readonly string[] };
      assert.ok(near?.includes(v.name), `"${v.name}" is not among ${JSON.stringify(near)}`);
    },
  },
  {
    id: 'integration/remove',
    says: 'a removed volume is gone; removing what is absent succeeds',
    async run(t) {
      t.verb('remove');
      const v = await t.create();
      await t.i.remove(v.name, t.call);
      await t.rejects('a removed volume', t.i.get(v.name, t.call), 'not_found');
      assert.deepEqual(await t.names({ prefix: v.name }), []);
      await t.i.remove(v.name, t.call);
      await t.i.remove(t.name('never'), t.call);
    },
  },
  {
    id: 'integration/remove-held',
    says: 'removing a volume with a holder is in_use, names the holders and removes nothing',
    async run(t) {
      const v = await t.create();
      await t.mount(v.name, 'sdk:one');
      await t.mount(v.name, 'sdk:two');
      const e = await t.rejects('a held volume', t.i.remove(v.name, t.call), 'in_use');
      const { holders = [] } = e.details as { holders?: readonly string[] };
      assert.deepEqual([...holders].sort(), ['sdk:one', 'sdk:two']);
      assert.equal((await t.i.get(v.name, t.call)).state, 'mounted');
    },
  },
  {
    id: 'integration/remove-recreate',
    says: 'a volume made again under the same name is another one, without the data of the first (S13)',
    async run(t) {
      const first = await t.create();
      const m = await t.mount(first.name);
      await t.world.content?.write(`${m.path}/f`, 'old');
      await t.unmount(first.name);
      await t.i.remove(first.name, t.call);
      const second = await t.create(first.name);
      assert.notEqual(second.id, first.id);
      const again = await t.mount(first.name);
      assert.equal(await t.world.content?.read(`${again.path}/f`), undefined);
    },
  },
  {
    id: 'integration/names',
    says: 'plain names work; any other is invalid in every verb, and makes nothing',
    async run(t) {
      for (const name of PLAIN) {
        assert.equal((await t.create(name)).name, name);
        assert.equal((await t.i.get(name, t.call)).name, name);
        await t.i.remove(name, t.call);
      }
      for (const name of REFUSED) {
        const shown = JSON.stringify(name);
        await t.rejects(`create ${shown}`, t.create(name), 'invalid');
        await t.rejects(`get ${shown}`, t.i.get(name, t.call), 'invalid', 'not_found');
        await t.rejects(`mount ${shown}`, t.mount(name), 'invalid', 'not_found');
      }
      assert.deepEqual(await t.names(), []);
    },
  },
  {
    id: 'integration/list',
    says: 'the pages of a list hold every volume once',
    async run(t) {
      const made = [];
      for (let n = 0; n < 5; n++) made.push((await t.create(t.name())).name);
      assert.deepEqual([...(await t.names({ limit: 2 }))].sort(), [...made].sort());
      assert.ok((await t.i.list({ limit: 2, ...t.call })).items.length <= 2, 'a page is larger than asked');
    },
  },
  {
    id: 'integration/list-filter',
    says: 'a prefix and labels choose from the list, also over pages',
    async run(t) {
      for (const [name, tier] of [
        ['web-1', 'a'],
        ['web-2', 'b'],
        ['db-1', 'a'],
        ['web-3', 'a'],
      ] as const) {
        await t.create(name, { labels: { tier } });
      }
      assert.deepEqual([...(await t.names({ prefix: 'web-' }))].sort(), ['web-1', 'web-2', 'web-3']);
      assert.deepEqual([...(await t.names({ labels: { tier: 'a' }, limit: 1 }))].sort(), ['db-1', 'web-1', 'web-3']);
      assert.deepEqual([...(await t.names({ prefix: 'web-', labels: { tier: 'a' } }))].sort(), ['web-1', 'web-3']);
    },
  },
  {
    id: 'integration/foreign',
    says: 'what is not ours is listed as foreign, and neither mounted nor removed',
    async run(t) {
      const { name } = await (t.world.foreign ?? (() => skip('the test gives no foreign()')))();
      const listed = (await t.i.list(t.call)).items.find((v) => v.name === name);
      assert.equal(listed?.state, 'foreign');
      assert.ok(!(await t.settle(t.mount(name))).ok, 'it was mounted');
      await t.settle(t.i.remove(name, t.call));
      assert.ok((await t.names()).includes(name), 'it was removed');
    },
  },
  {
    id: 'integration/unsupported',
    says: 'a verb that the service has not is unsupported, and a guarantee that it cannot give as well (S21)',
    async run(t) {
      const v = await t.create();
      if (!t.i.can.expand) {
        await t.rejects('expand', t.i.expand(v.name, { size: t.size(2), ...t.call }), 'unsupported');
      }
      if (!t.i.can['snapshots.create']) {
        await t.rejects('snapshots.create', t.i.snapshots.create(v.name, t.name('snap'), t.call), 'unsupported');
      }
      const name = t.name();
      const r = await t.settle(t.create(name, { encrypted: true }));
      premise(!r.ok || JSON.stringify(r.value).includes('encrypt'), 'encryption, which the suite cannot see,');
      if (!r.ok) assert.deepEqual(await t.names({ prefix: name }), [], 'a volume was made without its guarantee');
    },
  },
];
