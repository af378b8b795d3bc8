import { FakeMachine } from '@rexray/conformance';
import { MemoryStore } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});
/** Two processes of one node: the second was open before the first one died, and nobody opens anew. */
async function two(): Promise<{ dies: TestRexray; elder: TestRexray; machine: FakeMachine }> {
  const backend = new MemoryBackend();
  const [machine, store] = [new FakeMachine({ disks: backend }), new MemoryStore()];
  const elder = await testRexray({ backend, machine, store });
  const dies = await testRexray({ backend, machine, store });
  open.push(elder, dies);
  await elder.integration.create('data', { size: '1GiB' });
  const m = await elder.integration.mount('data', { holder: 'cli' });
  machine.write(`${m.path}/kept`, 'yes');
  await elder.integration.unmount('data', { holder: 'cli' });
  return { dies, elder, machine };
}

describe('S12: what a process left that died in the middle, met by one that was open before', () => {
  it.each(['attach', 'connect', 'assert-unused', 'probe', 'check', 'mount', 'confirm-claim', 'hold'])(
    'a mount that died after %s: the next call finishes with it, and succeeds',
    async (step) => {
      const { dies, elder, machine } = await two();
      dies.crashAt(`mount/${step}`, 'end');
      await expect(dies.integration.mount('data', { holder: 'engine:1' })).rejects.toThrow(/at mount/);
      const m = await elder.integration.mount('data', { holder: 'engine:2' });
      expect(machine.read(`${m.path}/kept`)).toBe('yes');
      const holders = (await elder.integration.holders.list()).map((h) => h.holder);
      // The holder of a mount that was recorded, and of which nobody heard any more, is its own.
      for (const h of holders) await elder.integration.unmount('data', { holder: h });
      expect(holders).toEqual(step === 'hold' ? ['engine:1', 'engine:2'] : ['engine:2']);
      expect(await elder.leaks()).toEqual([]);
    },
  );

  it.each(['drop', 'unmount', 'disconnect', 'detach'])('an unmount that died after %s', async (step) => {
    const { dies, elder, machine } = await two();
    await dies.integration.mount('data', { holder: 'cli' });
    dies.crashAt(`unmount/${step}`, 'end');
    await expect(dies.integration.unmount('data', { holder: 'cli' })).rejects.toThrow(/at unmount/);
    const m = await elder.integration.mount('data', { holder: 'engine:2' });
    expect(machine.read(`${m.path}/kept`)).toBe('yes');
    await elder.integration.unmount('data', { holder: 'engine:2' });
    expect(await elder.leaks()).toEqual([]);
  });

  it.each(['freeze', 'clone'])(
    'S16: a copy that died after %s: the volume can be written to after the next call',
    async (step) => {
      const { dies, elder, machine } = await two();
      const m = await dies.integration.mount('data', { holder: 'cli' });
      dies.crashAt(`clone/${step}`, 'end');
      await expect(dies.integration.clone('data', 'copy')).rejects.toThrow(/at clone/);
      await elder.integration.clone('data', 'copy');
      machine.write(`${m.path}/after`, 'yes');
      await elder.integration.unmount('data', { holder: 'cli' });
      await elder.integration.remove('copy');
      expect(await elder.leaks()).toEqual([]);
    },
  );
});
