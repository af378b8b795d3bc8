import { cpSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
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
  const claim = JSON.stringify({ kind: 'attach', node: 'n', boot: 'b', nonce: 'x', since: 'x', replaces: 0 });
  // Second names of one file are much cheaper to make than files, and a listing reads them alike.
  const source = (name: string, text: string): string => {
    writeFileSync(join(dir, '.tmp', name), text);
    return join(dir, '.tmp', name);
  };
  const [empty, recorded] = [source('empty', ''), source('record', record)];
  symlinkSync(claim, join(dir, '.tmp', 'claim'));
  for (let i = 0; i < MANY; i++) {
    const at = join(dir, `volume-${i}`);
    const inc = i.toString(16).padStart(12, '0');
    mkdirSync(at);
    linkSync(empty, join(at, 'image'));
    linkSync(empty, join(at, `id.${inc}`));
    linkSync(recorded, join(at, `record.${inc}.1`));
    linkSync(join(dir, '.tmp', 'claim'), join(at, `claim.${inc}.1`));
  }
}, 120_000);
afterAll(() => cleanup.run(), 120_000);

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
}, 120_000);

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
  await few.attach(one.id, 'n', { force: false, readonly: false, bootId: 'b' }, ctx());
  const verbs = {
    'get of few': () => few.get(one.id, ctx()),
    'get of many': () => driver.get(id, ctx()),
    'find of few': () => few.find('first', ctx()),
    'find of many': () => driver.find('first', ctx()),
  };
  // Interleaved, the best of each: the machine may do other things meanwhile.
  const best = new Map<string, number>();
  for (let round = 0; round < 10; round++) {
    for (const [name, verb] of Object.entries(verbs)) {
      best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, await median(50, verb)));
    }
  }
  console.log([...best].map(([name, ms]) => `${name} ${ms.toFixed(3)} ms`).join(' · '));
  for (const verb of ['get', 'find']) {
    expect(best.get(`${verb} of many`) ?? 0).toBeLessThan((best.get(`${verb} of few`) ?? 0) * 1.5);
  }
});
