import { bytes, emptyRecord, MIB } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Order } from './child.ts';
import { child } from './children.ts';
import { ctx, node } from './world.ts';

const NODES = ['a', 'b', 'c', 'd'];
/** Until every child has started. */
const HEAD_START_MS = 1500;

let cleanup: Cleanup;
let dir: string;
beforeEach(() => {
  cleanup = new Cleanup();
  dir = cleanup.tempDir('rexray-races-');
});
afterEach(() => cleanup.run());

const spec = {
  sizeBytes: bytes(MIB),
  record: emptyRecord({ state: 'blank', fsType: 'ext4' }),
  params: {},
  asked: [],
} as const;

async function race(order: Pick<Order, 'run' | 'rounds' | 'shared' | 'bug'>): Promise<unknown[]> {
  const startAt = Date.now() + HEAD_START_MS;
  const ended = await Promise.all(NODES.map((n) => child({ dir, node: n, boot: `boot-${n}`, startAt, ...order })));
  return ended.map((e) => e.result);
}

/** How many nodes believe that they own each volume. */
async function owners(rounds: number, o: Pick<Order, 'shared' | 'bug'>): Promise<number[]> {
  const driver = await node(dir, 'parent');
  for (let r = 0; r < rounds; r++) await driver.create(`race-${r}`, spec, ctx());
  const won = (await race({ run: 'attach', rounds, ...o })) as string[][];
  const counts: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const v = await driver.find(`race-${r}`, ctx());
    const by = NODES.filter((_, i) => won[i]?.includes(v?.id ?? ''));
    counts.push(by.length);
    if (by.length === 1) expect(v?.attachments.map((a) => a.node)).toEqual(by);
  }
  return counts;
}

describe('S5: claims', () => {
  it.each([false, true])('four processes claim 100 volumes at once: one owner each (shared: %s)', async (shared) => {
    expect(await owners(100, { shared })).toEqual(Array.from({ length: 100 }, () => 1));
  });

  it('finds two owners where a claim can overwrite another', async () => {
    expect(Math.max(...(await owners(100, { bug: 'overwriting-claims' })))).toBeGreaterThan(1);
  });
});

describe('S1: records', () => {
  const counted = async (o: Pick<Order, 'bug'>): Promise<number> => {
    const driver = await node(dir, 'parent');
    const { id } = await driver.create('counter', spec, ctx());
    await race({ run: 'count', rounds: 25, ...o });
    const v = await driver.get(id, ctx());
    return Number(v.record.labels.n);
  };

  it('four processes mark one record 25 times each: no mark is lost', async () => {
    expect(await counted({})).toBe(100);
  });

  it('finds lost marks where a record can overwrite another', async () => {
    expect(await counted({ bug: 'overwriting-records' })).toBeLessThan(100);
  });
});

it('four processes create 50 volumes at once: one volume each, the same for all', async () => {
  const got = (await race({ run: 'create', rounds: 50 })) as string[][];
  for (const one of got) expect(one).toEqual(got[0]);
  const driver = await node(dir, 'parent');
  expect((await driver.list({}, ctx())).items.map((v) => v.id).sort()).toEqual(
    (got[0] ?? []).map((line) => line.split(' ')[0]).sort(),
  );
});
