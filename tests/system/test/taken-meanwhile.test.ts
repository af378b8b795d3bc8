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

  it.each(['detach', 'switch', 'none'] as const)(
    'fencing %s, between the claim and the look at it, with a taker that has let go again: is refused',
    async (fencing) => {
      const backend = new MemoryBackend();
      const [loser, winner] = [new FakeMachine({ disks: backend }), new FakeMachine({ disks: backend })];
      const [a, b] = [
        await testRexray({ backend, machine: loser, driver: { fencing } }),
        await testRexray({ backend, machine: winner, driver: { fencing } }),
      ];
      open.push(a, b);
      await a.integration.create('data', { size: '1GiB' });
      const held = backend.faults.hang('attach', { after: 'effect', times: 1 });
      const mounting = a.integration.mount('data', { holder: 'engine:a' }).catch((e: unknown) => e);
      await expect.poll(() => backend.byName('data')?.attachments.length).toBe(1);
      const unsafe = fencing === 'none' ? ('unsafe' as const) : true;
      await b.integration.mount('data', { holder: 'engine:b', preempt: unsafe });
      winner.write('/volumes/data/data/kept', 'yes');
      await b.integration.unmount('data', { holder: 'engine:b' });
      held.release();
      expect(isVolumeError(await mounting, 'in_use')).toBe(true);
      expect(await a.leaks()).toEqual([]);
      const again = await a.integration.mount('data', { holder: 'engine:a' });
      expect(loser.read(`${again.path}/kept`)).toBe('yes');
      await a.integration.unmount('data', { holder: 'engine:a' });
    },
  );

  it('a disk that was detached: what its last owner still notes about it changes nothing', async () => {
    const backend = new MemoryBackend();
    const [loser, winner] = [new FakeMachine({ disks: backend }), new FakeMachine({ disks: backend })];
    const [a, b] = [await testRexray({ backend, machine: loser }), await testRexray({ backend, machine: winner })];
    open.push(a, b);
    await a.integration.create('data', { size: '1GiB' });
    await a.integration.mount('data', { holder: 'engine:a' });
    await a.integration.unmount('data', { holder: 'engine:a' });
    await a.integration.clone('data', 'copy');
    // The copy has its new UUID on the disk, and the record does not say so yet.
    const held = loser.hang('newUuid', { when: 'after' });
    const mounting = a.integration.mount('copy', { holder: 'engine:a' }).catch((e: unknown) => e);
    await expect.poll(() => a.trace.includes('mount/new-uuid')).toBe(true);
    const taking = winner.hang('newUuid', { when: 'after' });
    const taken = b.integration.mount('copy', { holder: 'engine:b', preempt: true });
    await expect.poll(() => b.trace.includes('mount/new-uuid')).toBe(true);
    held.release();
    expect(isVolumeError(await mounting, 'busy')).toBe(true);
    taking.release();
    await taken;
    await b.integration.unmount('copy', { holder: 'engine:b' });
    await a.integration.mount('copy', { holder: 'engine:a' });
    await a.integration.unmount('copy', { holder: 'engine:a' });
  });
});
