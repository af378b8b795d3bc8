import { FakeMachine } from '@rexray/conformance';
import { type Integration, isVolumeError, MemoryStore } from '@rexray/core';
import memory, { MemoryBackend, type MemoryConfig } from '@rexray/driver-memory';
import { openRexray } from '@rexray/runtime';
import { afterEach, describe, expect, it } from 'vitest';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

/** Two services of one configuration over one storage. */
async function pair(o: Partial<MemoryConfig>): Promise<{ a: Integration; b: Integration; machine: FakeMachine }> {
  const place = `pair-${Math.random()}`;
  const backend = MemoryBackend.named(place);
  const machine = new FakeMachine({ disks: backend });
  const driver = memory({ backend: place, fencing: 'none', ...o });
  const rex = await openRexray({
    home: '/tmp/rexray-one-place',
    services: { a: driver, b: driver },
    host: machine.host(),
    store: new MemoryStore(),
    watch: false,
  });
  ends.push(async () => {
    await rex.close();
    MemoryBackend.forget(place);
  });
  return { a: rex.service('a').integration, b: rex.service('b').integration, machine };
}

describe('two services over one place', () => {
  it('S9: what fails in one does not give up the claim that the other one uses', async () => {
    const { a, b } = await pair({});
    await a.create('data', { size: '1GiB' });
    await a.mount('data', { holder: 'cli' });
    expect(await codeOf(b.mount('data', { holder: 'cli' }))).toBe('in_use');
    expect((await a.get('data')).attachments).toHaveLength(1);
    expect(await codeOf(b.snapshots.create('data', 'snap'))).toBe('in_use');
    expect(await codeOf(b.remove('data'))).toBe('in_use');
    expect((await a.get('data')).attachments).toHaveLength(1);
    await a.unmount('data', { holder: 'cli' });
    await b.mount('data', { holder: 'cli' });
    await b.unmount('data', { holder: 'cli' });
    expect((await a.get('data')).attachments).toEqual([]);
  });

  it('S6: a directory that one service has mounted is not removed through the other', async () => {
    const { a, b } = await pair({ multiWriter: true });
    await a.create('data', { size: '1GiB' });
    await a.mount('data', { holder: 'cli' });
    expect(await codeOf(b.remove('data'))).toBe('in_use');
    await a.get('data');
    await a.unmount('data', { holder: 'cli' });
    await b.remove('data');
    expect(await codeOf(a.get('data'))).toBe('not_found');
  });
});
