import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LocalLoopDriver } from '../src/index.ts';
import { spec } from './kills.ts';
import { ctx, node } from './world.ts';

const MANY = 10_000;
const cleanup = new Cleanup();
let dir = '';
let driver: LocalLoopDriver;
let id = '';

beforeAll(async () => {
  dir = cleanup.tempDir('rexray-many-');
  driver = await node(dir, 'n');
  id = (await driver.create('first', spec(), ctx())).id;
  // As create makes them, without the flushes.
  const record = JSON.stringify({ revision: 1, sizeBytes: 4096, createdAt: 'x', nonce: 'x', record: spec().record });
  for (let i = 0; i < MANY; i++) {
    const at = join(dir, `volume-${i}`);
    const inc = i.toString(16).padStart(12, '0');
    mkdirSync(at);
    for (const name of ['image', `id.${inc}`]) writeFileSync(join(at, name), '');
    writeFileSync(join(at, `record.${inc}.1`), record);
    symlinkSync(
      JSON.stringify({ kind: 'attach', node: 'n', boot: 'b', nonce: 'x', since: 'x', replaces: 0 }),
      join(at, `claim.${inc}.1`),
    );
  }
}, 60_000);
afterAll(() => cleanup.run(), 60_000);

async function median(n: number, f: () => Promise<unknown>): Promise<number> {
  const ms: number[] = [];
  for (let i = 0; i < n; i++) {
    const from = performance.now();
    await f();
    ms.push(performance.now() - from);
  }
  return ms.sort((x, y) => x - y)[n >> 1] ?? 0;
}

async function all(): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await driver.list(cursor === undefined ? {} : { cursor }, ctx());
    names.push(...page.items.map((v) => v.name));
    cursor = page.next;
  } while (cursor !== undefined);
  return names;
}

it('lists 10,000 volumes in order, each once; the second time from what it has seen', async () => {
  const first = performance.now();
  const names = await all();
  const ms = performance.now() - first;
  expect(names).toHaveLength(MANY + 1);
  expect(names).toEqual([...names].sort());
  expect(new Set(names).size).toBe(MANY + 1);
  const again = await median(5, all);
  console.log(`list of ${MANY}: first ${ms.toFixed(0)} ms, again ${again.toFixed(0)} ms`);
  expect(again).toBeLessThan(ms);
}, 60_000);

it('a change of one shows in the next list', async () => {
  await all();
  await driver.attach(id, 'n', { force: false, readonly: false, bootId: 'b' }, ctx());
  const page = await driver.list({ limit: 1 }, ctx());
  expect(page.items[0]?.attachments).toHaveLength(1);
});

it('get and find do not depend on how many there are', async () => {
  const small = cleanup.tempDir('rexray-few-');
  cpSync(join(dir, '.rexray-root'), join(small, '.rexray-root'));
  const few = await node(small, 'n');
  const one = await few.create('first', spec(), ctx());
  const times: Record<string, number> = {};
  for (const [name, d, x] of [
    ['few', few, one.id],
    ['many', driver, id],
    ['few again', few, one.id],
    ['many again', driver, id],
  ] as const) {
    times[`get, ${name}`] = await median(500, () => d.get(x, ctx()));
    times[`find, ${name}`] = await median(500, () => d.find('first', ctx()));
  }
  console.log(
    Object.entries(times)
      .map(([k, ms]) => `${k} ${ms.toFixed(3)} ms`)
      .join(' · '),
  );
  // Of both, the better of two runs: the machine may do other things meanwhile.
  for (const verb of ['get', 'find']) {
    const best = (which: string): number =>
      Math.min(times[`${verb}, ${which}`] ?? 0, times[`${verb}, ${which} again`] ?? 0);
    expect(best('many')).toBeLessThan(best('few') * 2);
  }
});
