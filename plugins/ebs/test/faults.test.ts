import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import type { Action } from '../src/ec2.ts';
import { type Fault, KINDS } from './ec2/faults.ts';
import { faultServer } from './ec2/server.ts';
import { leftOver, MUTATING, wholeLife, wrongNow } from './life.ts';
import { nodeOn } from './world.ts';

const READING: readonly Action[] = [
  'DescribeVolumes',
  'DescribeSnapshots',
  'DescribeInstances',
  'DescribeVolumesModifications',
];
const AT_ONCE = 16;

/** One life with one fault on a server of its own. @returns what went wrong, and how often each action was called */
async function lifeWith(
  faults: readonly Fault[],
  visibleAfterMs = 0,
): Promise<{ wrong: string[]; calls: Record<string, number>; met: number }> {
  const server = await faultServer({
    clock: realClock,
    visibleAfterMs,
    takes: { create: 5, attach: 5, detach: 5, snapshot: 5, modify: 5 },
  });
  const wrong = new Set<string>();
  server.watch = (when) => {
    if (when === 'after') for (const w of wrongNow(server.model)) wrong.add(w);
  };
  const driver = await nodeOn(server, { requestTimeout: '150ms' });
  server.faults.plan(...faults);
  const node = [...server.model.instances.keys()][0] ?? '';
  try {
    await wholeLife(driver, node);
    for (const l of leftOver(server.model)) wrong.add(l);
  } catch (e) {
    wrong.add(String(e));
  } finally {
    await driver.close();
    await server.close();
  }
  return { wrong: [...wrong], calls: server.model.calls, met: server.faults.met.length };
}

describe('every verb, on our own EC2 (not Amazon’s), with one call that fails', () => {
  let calls: Record<string, number> = {};
  const table: string[] = [];
  beforeAll(async () => {
    const clean = await lifeWith([]);
    expect(clean.wrong).toEqual([]);
    calls = clean.calls;
  });
  afterAll(() => console.log(table.join('\n')));

  it.each(KINDS)(
    '%s, each mutating call in turn, and the first of each reading one',
    async (kind) => {
      const faults = [
        ...MUTATING.flatMap((action) =>
          Array.from({ length: calls[action] ?? 0 }, (_, i) => ({ action, nth: i + 1, kind })),
        ),
        ...READING.map((action) => ({ action, nth: 2, kind })),
      ];
      const bad: string[] = [];
      let met = 0;
      const queue = [...faults];
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let f = queue.shift(); f !== undefined; f = queue.shift()) {
            const r = await lifeWith([f]);
            met += r.met;
            if (r.wrong.length > 0) bad.push(`${f.action} #${f.nth}: ${r.wrong.join('; ')}`);
          }
        }),
      );
      table.push(`${kind.padEnd(11)} ${faults.length} lives, ${met} faults met, ${bad.length} went wrong`);
      expect(bad).toEqual([]);
      expect(met).toBeGreaterThan(faults.length - READING.length);
    },
    120_000,
  );

  it('eventual consistency: what is made, and tags, are shown 60 ms later', async () => {
    expect((await lifeWith([], 60)).wrong).toEqual([]);
  }, 60_000);
});
