import { isVolumeError } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

/** Node a has "data" mounted with something unwritten; node b took it, and nobody has told a. */
async function taken(o: { given?: boolean } = {}): Promise<{ a: TestRexray; b: TestRexray }> {
  const backend = new MemoryBackend();
  const driver = { fencing: 'switch' } as const;
  const a = await testRexray({ backend, driver });
  const b = await testRexray({ backend, driver });
  open.push(a, b);
  await a.integration.create('data', { size: '1GiB' });
  await a.integration.mount('data', { holder: 'cli' });
  a.machine.write('/volumes/data/data/x', 'of the loser');
  await b.integration.mount('data', { holder: 'cli', preempt: true });
  if (o.given === true) await b.integration.unmount('data', { holder: 'cli' });
  return { a, b };
}
/** How the loser's mount was ended: by a kill, or by an unmount that writes. */
const ended = (r: TestRexray): unknown[] =>
  r.machine.calls.filter((c) => c.call === 'unmount').map((c) => (c.detail as { kill?: boolean }).kill === true);

/** The same, and b has removed it and made another of its name. */
async function remade(): Promise<{ a: TestRexray; b: TestRexray }> {
  const { a, b } = await taken({ given: true });
  await b.integration.remove('data');
  await b.integration.create('data', { size: '1GiB' });
  return { a, b };
}

describe('S12: a volume whose name an earlier one had, which is still mounted here', () => {
  it.each([
    ['an attach', (r: TestRexray) => r.integration.attach('data')],
    ['a mount', (r: TestRexray) => r.integration.mount('data', { holder: 'engine:1' })],
  ])('%s is refused, and both are named', async (_, verb) => {
    const { a } = await remade();
    const { id } = await a.integration.get('data');
    const refused = await verb(a).catch((e: unknown) => e);
    expect(isVolumeError(refused, 'in_use') && refused.message).toMatch(/cli .*earlier volume of that name/);
    expect(isVolumeError(refused) && refused.message).toContain(id);
    await a.integration.unmount('data', { holder: 'cli' });
    expect(await codeOf(verb(a))).toBe('ok');
  });

  it('what is looked at and grown is the new one', async () => {
    const { a } = await remade();
    expect(await a.integration.get('data')).toMatchObject({ state: 'available', holders: [] });
    expect(await a.integration.expand('data', { size: '2GiB' })).toMatchObject({ fileSystem: 'none' });
    expect(a.machine.calls.filter((c) => c.call === 'grow')).toEqual([]);
  });

  it('what is adopted under that name is looked at all the same', async () => {
    const { a, b } = await taken({ given: true });
    await b.integration.remove('data');
    await b.integration.create('bare', { size: '1GiB', fsType: 'ext4' });
    await b.integration.mount('bare', { holder: 'cli' });
    await b.integration.unmount('bare', { holder: 'cli' });
    const bare = a.backend.byName('bare');
    if (bare === undefined) throw new Error('no volume');
    bare.foreign = true;
    bare.record = { ...bare.record, format: { state: 'blank', fsType: 'ext4' } };
    expect((await a.integration.adopt(bare.id, 'data')).format).toBe('formatted');
  });
});

describe('S11: after a loss that nobody has told this node yet', () => {
  it.each([
    ['a snapshot', (r: TestRexray) => r.integration.snapshots.create('data', 'snap')],
    ['a clone', (r: TestRexray) => r.integration.clone('data', 'copy')],
    ['an expand', (r: TestRexray) => r.integration.expand('data', { size: '2GiB' })],
    ['a removal', (r: TestRexray) => r.integration.remove('data')],
    ['an attach', (r: TestRexray) => r.integration.attach('data')],
    ['an attach that takes it back', (r: TestRexray) => r.integration.attach('data', { preempt: true })],
  ])('%s is refused', async (_, verb) => {
    const { a } = await taken();
    expect(await codeOf(verb(a))).toBe('in_use');
    expect(a.machine.calls.filter((c) => ['freeze', 'sync', 'grow'].includes(c.call))).toEqual([]);
  });

  it.each([
    ['an unmount', (r: TestRexray) => r.integration.unmount('data', { holder: 'cli' })],
    ['a forced detach', (r: TestRexray) => r.integration.detach('data', { force: true })],
    ['a release by a person', (r: TestRexray) => r.integration.holders.release('data', 'cli')],
  ])('%s writes nothing', async (_, verb) => {
    const { a } = await taken();
    await verb(a);
    expect(ended(a)).toEqual([true]);
    expect(await a.leaks()).toEqual([]);
  });

  it('an unmount writes nothing either when the winner has given it back meanwhile', async () => {
    const { a } = await taken({ given: true });
    await a.integration.unmount('data', { holder: 'cli' });
    expect(ended(a)).toEqual([true]);
  });

  it('nor does it when this very node has claimed it again since', async () => {
    const { a } = await taken({ given: true });
    const v = [...a.backend.volumes.values()][0];
    const driver = { force: false, readonly: false, bootId: a.machine.bootId } as const;
    if (v === undefined) throw new Error('no volume');
    v.epoch += 1;
    v.attachments = [{ node: a.machine.nodeId, bootId: driver.bootId, epoch: v.epoch }];
    await a.integration.unmount('data', { holder: 'cli' });
    expect(ended(a)).toEqual([true]);
  });

  it('reconcile takes an unmount that was interrupted off without a write', async () => {
    const { a } = await taken();
    a.crashAt('unmount/unmount');
    await expect(a.integration.unmount('data', { holder: 'cli' })).rejects.toThrow('at ');
    const again = await a.reopen();
    open.push(again);
    expect(ended(again)).toEqual([true]);
    expect(await again.leaks()).toEqual([]);
  });

  it('an unmount of a volume whose name was changed on the platform is an ordinary one: nothing written is lost', async () => {
    const { a } = await taken({ given: true });
    await a.integration.unmount('data', { holder: 'cli' });
    await a.integration.mount('data', { holder: 'cli' });
    a.machine.write('/volumes/data/data/y', 'kept');
    const v = [...a.backend.volumes.values()][0];
    if (v === undefined) throw new Error('no volume');
    v.name = 'renamed';
    await a.integration.unmount('data', { holder: 'cli' });
    expect(v.disk.content.fs?.files['/data/y']).toBe('kept');
    expect(await a.leaks()).toEqual([]);
  });
});
