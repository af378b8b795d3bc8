import { FakeMachine } from '@rexray/conformance';
import { isVolumeError } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});

describe('S10, S11: a mount whose volume is taken before it ends', () => {
  const cases = (['detach', 'switch', 'none'] as const).flatMap((fencing) =>
    (['probe', 'mount'] as const).map((call) => [fencing, call] as const),
  );
  it.each(cases)('fencing %s, held at %s: is refused, names the taker, and leaves nothing', async (fencing, call) => {
    const backend = new MemoryBackend();
    const [loser, winner] = [new FakeMachine({ disks: backend }), new FakeMachine({ disks: backend })];
    const [a, b] = [
      await testRexray({ backend, machine: loser, driver: { fencing } }),
      await testRexray({ backend, machine: winner, driver: { fencing } }),
    ];
    open.push(a, b);
    await a.integration.create('data', { size: '1GiB' });
    await a.integration.mount('data', { holder: 'cli' });
    await a.integration.unmount('data', { holder: 'cli' });

    const held = loser.hang(call, { when: 'after' });
    const mounting = a.integration.mount('data', { holder: 'engine:a' }).catch((e: unknown) => e);
    await expect.poll(() => a.trace.filter((t) => t === `mount/${call}`).length).toBe(2);
    const unsafe = fencing === 'none' ? ('unsafe' as const) : true;
    await b.integration.mount('data', { holder: 'engine:b', preempt: unsafe });
    held.release();

    const e = await mounting;
    expect(isVolumeError(e)).toBe(true);
    if (call === 'mount') expect(isVolumeError(e, 'in_use') && e.details.node).toBe(winner.nodeId);
    expect(await a.integration.holders.list()).toEqual([]);
    expect(loser.mounts.size).toBe(0);
    expect((await b.integration.get('data')).attachments.map((x) => x.node)).toEqual([winner.nodeId]);
    await b.integration.unmount('data', { holder: 'engine:b' });
  });
});
