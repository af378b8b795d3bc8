import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS } from '../src/ec2.ts';
import { eachCall, KINDS, type LifeResult, lifeWith, livesWith } from './fault-lives.ts';
import { MUTATING } from './life.ts';

const READING = ACTIONS.filter((a) => !MUTATING.includes(a));

describe('every verb, on our own EC2 (not Amazon’s), with one call that fails', () => {
  let calls: LifeResult['calls'] = {};
  const table: string[] = [];
  beforeAll(async () => {
    const clean = await lifeWith([]);
    expect(clean.wrong).toEqual([]);
    calls = clean.calls;
  });
  afterAll(() => console.log(table.join('\n')));

  it.each(KINDS)(
    '%s, each mutating call in turn, and one of each reading one',
    async (kind) => {
      // The long form has every reading call.
      const faults = [...eachCall(calls, MUTATING, kind), ...READING.map((action) => ({ action, nth: 1, kind }))];
      const { bad, met } = await livesWith(faults);
      table.push(`${kind.padEnd(11)} ${faults.length} lives, ${met} faults met, ${bad.length} went wrong`);
      expect(bad).toEqual([]);
      expect(met).toBe(faults.length);
    },
    240_000,
  );

  it('eventual consistency: what is made, and tags, are shown 60 ms later', async () => {
    expect((await lifeWith([], 60)).wrong).toEqual([]);
  }, 60_000);

  it('both: a reply is lost, and what was done is shown 60 ms later', async () => {
    const { bad, met } = await livesWith(eachCall(calls, MUTATING, 'lost-reply'), 60);
    expect(bad).toEqual([]);
    expect(met).toBeGreaterThan(12);
  }, 120_000);
});
