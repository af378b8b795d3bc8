import assert from 'node:assert/strict';
import { NAME_MAX } from '@rexray/core';
import { premise, skip } from '../runner.ts';
import type { StorageBench } from './bench.ts';
import type { StorageRule } from './world.ts';

/** Names that no front end lets through, but that a driver must not stumble over either. */
const HOSTILE = [
  '',
  '.',
  '..',
  '../up',
  'a/b',
  '/abs',
  'nul\0byte',
  'n'.repeat(300),
  '🙂-emoji',
  'two words',
  '-rf',
  'line\nbreak',
  '$(touch x)',
  "quo'te",
  'per%cent',
  'a,b=c',
];
const PLAIN = ['a', '0', 'Data.v1', 'a_b-c.d', 'x..y', 'a-', 'n'.repeat(NAME_MAX)];

/** Pages and names. */
export const LISTING: readonly StorageRule[] = [
  {
    id: 'storage/list-complete',
    says: 'the pages together hold every volume once',
    async run(t) {
      const made = await several(t);
      const paged = (await t.all({ limit: 2 })).map((v) => v.id);
      assert.equal(new Set(paged).size, paged.length, 'a volume is listed twice');
      for (const v of made) assert.ok(paged.includes(v.id), `${v.name} is missing`);
    },
  },
  {
    id: 'storage/list-limit',
    says: 'a page holds at most as many as asked',
    async run(t) {
      await several(t);
      const { items } = await t.driver.list({ limit: 2 }, t.ctx());
      assert.ok(items.length <= 2, `${items.length} on a page of 2`);
    },
  },
  {
    id: 'storage/list-stable',
    says: 'the order is the same each time',
    async run(t) {
      await several(t);
      const first = (await t.all()).map((v) => v.id);
      for (let i = 0; i < 4; i++)
        assert.deepEqual(
          (await t.all()).map((v) => v.id),
          first,
        );
    },
  },
  {
    id: 'storage/list-moving',
    says: 'a volume that is removed between two pages hides no other',
    async run(t) {
      const made = await several(t);
      const page = await t.driver.list({ limit: 2 }, t.ctx());
      if (page.next === undefined) skip('the first page held all');
      const seen = page.items.map((v) => v.id);
      const gone = seen[0];
      assert.ok(gone !== undefined, 'a page that has a next one is not empty');
      await t.driver.remove(gone, t.ctx());
      let cursor: string | undefined = page.next;
      for (let i = 0; cursor !== undefined && i < 200; i++) {
        const p = await t.driver.list({ cursor, limit: 2 }, t.ctx());
        seen.push(...p.items.map((v) => v.id));
        cursor = p.next;
      }
      premise(new Set((await t.all({ limit: 2 })).map((v) => v.id)).size >= made.length - 1, 'storage/list-complete');
      for (const v of made) assert.ok(seen.includes(v.id), `${v.name} was passed over`);
    },
  },
  {
    id: 'storage/list-agrees',
    says: 'list answers what get does',
    async run(t) {
      const v = await t.make(t.name(), { record: t.record({ labels: { a: '1' }, hints: { iops: 5 } }) });
      const listed = (await t.all()).find((x) => x.id === v.id);
      premise(listed !== undefined, 'storage/list-complete');
      const got = await t.get(v.id);
      assert.deepEqual(
        { name: listed.name, sizeBytes: listed.sizeBytes, record: listed.record },
        { name: got.name, sizeBytes: got.sizeBytes, record: got.record },
      );
    },
  },
  {
    id: 'storage/names-plain',
    says: 'every name that the integration lets through works',
    async run(t) {
      for (const name of PLAIN) await works(t, name);
    },
  },
  {
    id: 'storage/names-hostile',
    says: 'any other name is refused as invalid with nothing made, or works everywhere',
    async run(t) {
      for (const name of HOSTILE) {
        const before = (await t.all()).length;
        const r = await t.settle(t.make(name));
        if (r.ok) {
          assert.equal(r.value.name, name);
          await works(t, name);
        } else {
          assert.equal(t.code(r.error), 'invalid', `${JSON.stringify(name)}: ${String(r.error)}`);
          assert.equal((await t.all()).length, before, `${JSON.stringify(name)} was refused and left something`);
        }
      }
    },
  },
  {
    id: 'storage/names-case',
    says: 'names that differ in case are two volumes, or the second is refused',
    async run(t) {
      const lower = t.name('case');
      const first = await t.make(lower);
      const r = await t.settle(t.make(lower.toUpperCase()));
      if (r.ok) assert.notEqual(r.value.id, first.id, 'one volume answers to both');
      else assert.ok(['already_exists', 'invalid'].includes(t.code(r.error) ?? ''), String(r.error));
      assert.equal((await t.get(first.id)).name, lower);
    },
  },
];

async function several<P>(t: StorageBench<P>): Promise<readonly { id: string; name: string }[]> {
  const made = [];
  for (let i = 0; i < (t.o.many ?? 5); i++) made.push(await t.make());
  return made;
}

/** Made, found by the very same name, used, and removed without touching a neighbour. */
async function works<P>(t: StorageBench<P>, name: string): Promise<void> {
  const shown = JSON.stringify(name);
  const neighbour = await t.make();
  const v = await t.make(name);
  assert.equal(v.name, name, `${shown}: another name came back`);
  assert.deepEqual(
    (await t.named(name)).map((x) => x.id),
    [v.id],
    `${shown} is not listed once`,
  );
  if (t.driver.find !== undefined)
    assert.equal((await t.driver.find(name, t.ctx()))?.id, v.id, `${shown} is not found`);
  await t.attach(v.id);
  await t.free(v.id);
  await t.driver.remove(v.id, t.ctx());
  assert.equal((await t.get(neighbour.id)).id, neighbour.id, `${shown}: a neighbour went with it`);
  await t.driver.remove(neighbour.id, t.ctx());
}
