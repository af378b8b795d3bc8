import { isVolumeError } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
import { type TestOptions, type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
async function rexray(o: TestOptions = {}): Promise<TestRexray> {
  const r = await testRexray(o);
  open.push(r);
  return r;
}
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

/** A disk with a file system and a file, that the storage has and nobody made ours. */
async function foreign(): Promise<{ r: TestRexray; id: string }> {
  const backend = new MemoryBackend();
  const r = await rexray({ backend, driver: { fencing: 'none' } });
  await r.integration.create('bare', { size: '1GiB', fsType: 'ext4' });
  await r.integration.mount('bare', { holder: 'cli' });
  r.machine.write('/volumes/bare/data/x', 'kept');
  await r.integration.unmount('bare', { holder: 'cli' });
  const v = [...backend.volumes.values()][0];
  if (v === undefined) throw new Error('no volume');
  v.foreign = true;
  v.record = { ...v.record, format: { state: 'blank', fsType: 'ext4' } };
  return { r, id: v.id };
}

describe('adopt', () => {
  it('records what is there, reads only and leaves nothing', async () => {
    const { r, id } = await foreign();
    const v = await r.integration.adopt(id, 'mine');
    expect([v.name, v.format, v.fsType]).toEqual(['mine', 'formatted', 'ext4']);
    expect(r.machine.calls.filter((c) => c.call === 'connect').slice(1)).toMatchObject([
      { detail: { readonly: true } },
    ]);
    expect(await r.leaks()).toEqual([]);
    await r.integration.mount('mine', { holder: 'cli' });
    expect(r.machine.read('/volumes/mine/data/x')).toBe('kept');
  });

  it.each(['connect', 'probe', 'disconnect'])(
    'that fails at %s leaves nothing, and can be done again',
    async (call) => {
      const { r, id } = await foreign();
      r.machine.fail(call, 'unavailable');
      expect(await codeOf(r.integration.adopt(id, 'mine'))).toBe('unavailable');
      expect(await r.leaks()).toEqual([]);
      expect((await r.integration.adopt(id, 'mine')).format).toBe('formatted');
      expect(await r.leaks()).toEqual([]);
    },
  );

  it('S12: SIGKILL at each step leaves nothing after the next open, and it can be done again', async () => {
    const { r: first } = await foreign();
    const plan = await first.integration.plan('adopt', 'any', { as: 'mine' });
    const steps = plan.steps.map((s) => s.step);
    expect(steps.length).toBeGreaterThan(5);
    for (const step of steps) {
      for (const phase of ['begin', 'end'] as const) {
        const { r, id } = await foreign();
        r.crashAt(`adopt/${step}`, phase);
        await expect(r.integration.adopt(id, 'mine'), step).rejects.toThrow('at ');
        const again = await r.reopen();
        open.push(again);
        expect(await again.leaks(), `${step} ${phase}`).toEqual([]);
        expect((await again.integration.adopt(id, 'mine')).format, `${step} ${phase}`).toBe('formatted');
        expect(await again.leaks(), `${step} ${phase}`).toEqual([]);
      }
    }
  });

  it('of a volume that is ours and mounted leaves its mount and its claim alone', async () => {
    const { r, id } = await foreign();
    await r.integration.adopt(id, 'mine');
    await r.integration.mount('mine', { holder: 'cli' });
    expect((await r.integration.adopt(id, 'mine')).state).toBe('mounted');
    expect((await r.integration.get('mine')).attachments).toHaveLength(1);
    await r.integration.unmount('mine', { holder: 'cli' });
    expect(await r.leaks()).toEqual([]);
  });

  it('of a name that is taken, or no name, touches nothing', async () => {
    const { r, id } = await foreign();
    await r.integration.create('mine', { size: '1GiB' });
    expect(await codeOf(r.integration.adopt(id, 'mine'))).toBe('already_exists');
    expect(await codeOf(r.integration.adopt(id, '../x'))).toBe('invalid');
    expect((await r.integration.list()).items.find((v) => v.id === id)?.state).toBe('foreign');
    expect(await r.leaks()).toEqual([]);
  });
});

describe('S12: what is foreign', () => {
  it('is neither mounted nor removed, and the answer says what to do', async () => {
    const { r } = await foreign();
    for (const verb of [
      r.integration.mount('bare', { holder: 'cli' }),
      r.integration.get('bare'),
      r.integration.attach('bare'),
      r.integration.snapshots.create('bare', 'snap'),
    ]) {
      await expect(verb).rejects.toMatchObject({ code: 'not_found', hint: expect.stringContaining('dopt') });
    }
    expect(await codeOf(r.integration.remove('bare'))).toBe('denied');
    expect((await r.integration.list()).items).toHaveLength(1);
  });
});
