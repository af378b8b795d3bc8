/** Every call of a whole life of EBS volumes fails, hangs or loses its reply, on our own EC2 (not Amazon’s). */
import { describe, expect, it } from 'vitest';
import { ACTIONS } from '../src/ec2.ts';
import { eachCall, KINDS, lifeWith, livesWith } from './fault-lives.ts';

describe('every call of a whole life in turn, reading ones too, on our own EC2 (not Amazon’s)', () => {
  it.each([0, 60])('shown %s ms later', async (visibleAfterMs) => {
    const { calls } = await lifeWith([], visibleAfterMs);
    for (const kind of KINDS) {
      const faults = eachCall(calls, ACTIONS, kind);
      const { bad, met } = await livesWith(faults, visibleAfterMs);
      console.log(
        `${kind.padEnd(11)} shown ${visibleAfterMs} ms later: ${faults.length} lives, ${met} faults met, ${bad.length} went wrong`,
      );
      expect(bad).toEqual([]);
    }
  });
});
