import { describe, expect, it } from 'vitest';
import { mutations, ROUND_TRIP_MS, refused, scale, USUAL } from './scale.ts';

describe('1,000 volumes made, attached, detached and deleted, on our own EC2 (not Amazon’s) and a virtual clock', () => {
  it('by one server: no mutating call is refused, and reads are shared', async () => {
    const r = await scale();
    console.log(JSON.stringify(r));
    expect(r.left).toBe(0);
    expect([mutations(r), refused(r)]).toEqual([4 * USUAL.volumes, 0]);
    expect(r.describes / USUAL.volumes).toBeLessThanOrEqual(0.4);
    expect((r.seconds - r.idealSeconds) / USUAL.volumes).toBeLessThanOrEqual(0.25);
    // What sharing the questions costs each wait, without the way to EC2 and back.
    expect(r.meanLateMs - ROUND_TRIP_MS).toBeLessThanOrEqual(250);
    // Three waits of that kind, four ways to EC2 and back.
    expect(r.meanExcessSeconds).toBeLessThanOrEqual(2);
  }, 60_000);
});
