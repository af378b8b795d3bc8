import { describe, expect, it } from 'vitest';
import { mutations, refused, scale, USUAL } from './scale.ts';

describe('1,000 volumes made, attached, detached and deleted, on our own EC2 (not Amazon’s) and a virtual clock', () => {
  it('by one server: no mutating call is refused, and reads are shared', async () => {
    const r = await scale();
    console.log(JSON.stringify(r));
    expect(r.left).toBe(0);
    expect([mutations(r), refused(r)]).toEqual([4 * USUAL.volumes, 0]);
    expect(r.describes / USUAL.volumes).toBeLessThanOrEqual(0.4);
    expect((r.seconds - r.idealSeconds) / USUAL.volumes).toBeLessThanOrEqual(0.25);
  }, 60_000);
});
