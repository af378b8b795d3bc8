import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import type { EbsConfig } from '../src/config.ts';
import { EbsDriver, type Outside } from '../src/driver.ts';
import type { ModelInstance, ModelOptions } from './ec2/model.ts';
import { faultServer } from './ec2/server.ts';
import { ATTACH, specOf } from './life.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

async function server(o: Partial<ModelOptions> = {}) {
  const s = await faultServer({ clock: realClock, ...o });
  cleanup.add(() => s.close());
  const on = async (instance: ModelInstance, c: Partial<EbsConfig> = {}, more: Outside = {}): Promise<EbsDriver> => {
    const d = new EbsDriver(settings(s.endpoint, instance.id, c), { ...OUTSIDE, ...more });
    cleanup.add(() => d.close());
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'boot', macs: [] }, ctxOf());
    return d;
  };
  return { ...s, on };
}

describe('attaching, on our own EC2 (not Amazon’s)', () => {
  it('Nitro: the disk is found by its serial, which is the volume id; no letter is guessed', async () => {
    const s = await server();
    const i = s.model.addInstance();
    const d = await s.on(i);
    const v = await d.create('v', specOf(), ctxOf());
    expect(await d.attach(v.id, i.id, ATTACH, ctxOf())).toEqual({
      kind: 'disk',
      match: { serial: v.id.replace('-', '') },
    });
  });

  it('Xen: REX-Ray’s range, past names in use and past ghosts that only this machine knows', async () => {
    const s = await server();
    const i = s.model.addInstance('us-east-1a', 't2.micro');
    const sysBlock = cleanup.tempDir();
    for (const l of 'fghijklmn') mkdirSync(join(sysBlock, `xvd${l}`));
    const d = await s.on(i, {}, { sysBlock });
    const names: unknown[] = [];
    for (const name of ['one', 'two']) {
      const v = await d.create(name, specOf(), ctxOf());
      const a = await d.attach(v.id, i.id, ATTACH, ctxOf());
      names.push(a.kind === 'disk' && a.match.path);
    }
    expect(names.sort()).toEqual(['/dev/xvdo', '/dev/xvdp']);
    const third = await d.create('three', specOf(), ctxOf());
    await expect(d.attach(third.id, i.id, ATTACH, ctxOf())).rejects.toMatchObject({
      code: 'exhausted',
      hint: expect.stringContaining('useLargeDeviceRange'),
    });
  });

  it('a zone mismatch says both zones and the command that moves the volume, and that command’s verb does it', async () => {
    const s = await server();
    const [a, b] = [s.model.addInstance('us-east-1a'), s.model.addInstance('us-east-1b')];
    const [da, db] = [await s.on(a), await s.on(b)];
    const v = await da.create('v', specOf(), ctxOf());
    await expect(db.attach(v.id, b.id, ATTACH, ctxOf())).rejects.toMatchObject({
      message: expect.stringMatching(/is in us-east-1a, node i-\w+ is in us-east-1b/),
      hint: expect.stringContaining('rexray volume clone v <new name> --availabilityZone us-east-1b'),
    });
    const spec = specOf();
    const moved = await db.clone(
      v.id,
      'moved',
      { ...spec, record: { ...spec.record, hints: { availabilityZone: 'us-east-1b' } } },
      ctxOf(),
    );
    expect((await db.attach(moved.id, b.id, ATTACH, ctxOf())).kind).toBe('disk');
  });

  it('the limit of the instance is exhausted, with numbers', async () => {
    const s = await server({ attachments: 4 });
    const i = s.model.addInstance();
    const d = await s.on(i);
    const attach = async (name: string) =>
      d.attach((await d.create(name, specOf(), ctxOf())).id, i.id, ATTACH, ctxOf());
    await attach('one');
    await attach('two');
    await expect(attach('three')).rejects.toMatchObject({ code: 'exhausted', details: { limit: 3, used: 3 } });
  });

  it('a device that is held stays busy: what EC2 says, and what to do', async () => {
    const s = await server();
    const i = s.model.addInstance();
    const d = await s.on(i, { statusTimeout: '600ms', statusMaxAttempts: 20 });
    const v = await d.create('v', specOf(), ctxOf());
    await d.attach(v.id, i.id, ATTACH, ctxOf());
    i.holds.add(v.id);
    await expect(d.detach(v.id, i.id, { force: false }, ctxOf())).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining('busy'),
      hint: expect.stringContaining('Unmount it there'),
    });
  });

  it('a volume with Multi-Attach is refused where one node at a time is meant', async () => {
    const s = await server();
    const i = s.model.addInstance();
    const d = await s.on(i);
    const v = await d.create('v', specOf(), ctxOf());
    const stored = s.model.volumes.get(v.id);
    if (stored !== undefined) stored.multiAttach = true;
    await expect(d.attach(v.id, i.id, ATTACH, ctxOf())).rejects.toMatchObject({ code: 'denied' });
  });

  it('ebs.multiAttach: raw devices for several nodes, never formatted', async () => {
    const s = await server();
    const [a, b] = [s.model.addInstance(), s.model.addInstance()];
    const [da, db] = [await s.on(a, { multiAttach: true }), await s.on(b, { multiAttach: true })];
    expect([da.traits.multiWriter, da.traits.fsTypes]).toEqual([true, undefined]);
    const v = await da.create('v', specOf({ gib: 4 }), ctxOf());
    await da.attach(v.id, a.id, ATTACH, ctxOf());
    await db.attach(v.id, b.id, ATTACH, ctxOf());
    expect((await da.get(v.id, ctxOf())).attachments.map((x) => x.node).sort()).toEqual([a.id, b.id].sort());
  });
});

describe('S10: taking over', () => {
  it('notes with the volume from whom, why and by whom', async () => {
    const s = await server();
    const [a, b] = [s.model.addInstance(), s.model.addInstance()];
    const [da, db] = [await s.on(a), await s.on(b)];
    const v = await da.create('v', specOf(), ctxOf());
    await da.attach(v.id, a.id, ATTACH, ctxOf());
    a.holds.add(v.id);
    await expect(db.attach(v.id, b.id, ATTACH, ctxOf())).rejects.toMatchObject({
      code: 'in_use',
      details: { node: a.id },
    });
    await db.attach(v.id, b.id, { ...ATTACH, force: true }, ctxOf());
    const { attachments, status } = await db.get(v.id, ctxOf());
    expect(attachments.map((x) => x.node)).toEqual([b.id]);
    expect(JSON.parse(String(status?.preempted))).toMatchObject({
      from: a.id,
      by: b.id,
      state: 'running',
      why: 'preempt',
    });
  });

  it('ebs.preempt when-instance-stopped: only from an instance that EC2 says is stopped', async () => {
    const s = await server();
    const [a, b] = [s.model.addInstance(), s.model.addInstance()];
    const [da, db] = [await s.on(a), await s.on(b, { preempt: 'when-instance-stopped' })];
    const v = await da.create('v', specOf(), ctxOf());
    await da.attach(v.id, a.id, ATTACH, ctxOf());
    const take = () => db.attach(v.id, b.id, { ...ATTACH, force: true }, ctxOf());
    await expect(take()).rejects.toMatchObject({ code: 'denied', details: { rule: 'S10' } });
    expect((await da.get(v.id, ctxOf())).attachments.map((x) => x.node)).toEqual([a.id]);
    a.state = 'stopped';
    await take();
    expect((await db.get(v.id, ctxOf())).attachments.map((x) => x.node)).toEqual([b.id]);
  });
});

describe('names and what is made', () => {
  const make = (name: string, tags: Record<string, string> = {}) => ({
    AvailabilityZone: 'us-east-1a',
    Size: 1,
    VolumeType: 'gp3' as const,
    TagSpecifications: [
      {
        ResourceType: 'volume' as const,
        Tags: Object.entries({ Name: name, ...tags }).map(([Key, Value]) => ({ Key, Value })),
      },
    ],
  });

  it('volumes of REX-Ray below ebs.tag are found and usable, and count as formatted', async () => {
    const s = await server();
    const i = s.model.addInstance();
    const d = await s.on(i);
    s.model.handle('CreateVolume', make('conformance/old'));
    const v = await d.find('old', ctxOf());
    expect([v?.name, v?.foreign, v?.record.format.state]).toEqual(['old', undefined, 'formatted']);
    expect((await d.attach(v?.id ?? '', i.id, ATTACH, ctxOf())).kind).toBe('disk');
  });

  it('without ebs.tag and ebs.legacy they are nobody’s business, and create says how to use them', async () => {
    const s = await server();
    const d = await s.on(s.model.addInstance(), { tag: '' });
    s.model.handle('CreateVolume', make('old'));
    expect(await d.find('old', ctxOf())).toBeUndefined();
    await expect(d.create('old', specOf(), ctxOf())).rejects.toMatchObject({
      code: 'already_exists',
      hint: expect.stringContaining('ebs.legacy'),
    });
    const legacy = await s.on(s.model.addInstance(), { tag: '', legacy: true });
    expect((await legacy.find('old', ctxOf()))?.name).toBe('old');
  });

  it('two volumes of one name: an error that lists both ids', async () => {
    const s = await server();
    const d = await s.on(s.model.addInstance());
    const ids = ['a', 'b'].map(() => s.model.handle('CreateVolume', make('conformance/twin')).VolumeId ?? '');
    await expect(d.find('twin', ctxOf())).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(new RegExp(`${ids[0]}.*${ids[1]}`)),
    });
  });

  it('a KMS key implies encryption; options and user tags arrive with the volume, in the same call', async () => {
    const s = await server();
    const d = await s.on(s.model.addInstance(), { kmsKeyID: 'key-1', tags: { team: 'storage' } });
    const v = await d.create('v', { ...specOf({ gib: 16 }), params: { iops: 4000, throughput: 250 } }, ctxOf());
    const stored = s.model.volumes.get(v.id);
    expect([stored?.encrypted, stored?.kmsKey, stored?.iops, stored?.throughput]).toEqual([
      true,
      'arn:aws:kms:us-east-1:123456789012:key/key-1',
      4000,
      250,
    ]);
    expect([stored?.tags.length, stored?.tags[0]?.tags.get('team')]).toEqual([1, 'storage']);
  });

  it('what a type cannot do is refused before EC2 is asked', async () => {
    const s = await server();
    const d = await s.on(s.model.addInstance());
    const asked = (params: object) => d.create('v', { ...specOf(), params }, ctxOf());
    await expect(asked({ type: 'st1' })).rejects.toMatchObject({ code: 'out_of_range' });
    await expect(asked({ type: 'gp2', iops: 500 })).rejects.toMatchObject({
      code: 'invalid',
      details: { path: 'iops' },
    });
    await expect(asked({ throughput: 900 })).rejects.toMatchObject({
      code: 'invalid',
      details: { path: 'throughput' },
    });
    expect(s.model.calls.CreateVolume).toBeUndefined();
  });

  it('S13: made, removed and made again by processes that know nothing of each other is another volume', async () => {
    const s = await server();
    const ids = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const d = await s.on(s.model.addInstance());
      const v = await d.create('v', specOf(), ctxOf());
      ids.add(v.id);
      await d.remove(v.id, ctxOf());
    }
    expect(ids.size).toBe(3);
  });

  it('two specs for one name at once: one volume, and one refusal', async () => {
    const s = await server({ visibleAfterMs: 40 });
    const [a, b] = [await s.on(s.model.addInstance()), await s.on(s.model.addInstance())];
    const done = await Promise.allSettled([
      a.create('v', { ...specOf({ gib: 1 }), asked: ['size'] }, ctxOf()),
      b.create('v', { ...specOf({ gib: 8 }), asked: ['size'] }, ctxOf()),
    ]);
    expect(s.model.volumes.size).toBe(1);
    expect(done.filter((x) => x.status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
  });

  it('a snapshot of another region becomes one of ours', async () => {
    const s = await server();
    const d = await s.on(s.model.addInstance());
    const copy = await d.copySnapshot({ region: 'eu-west-1', id: 'snap-0123456789abcdef0' }, 'from-afar', ctxOf());
    expect((await d.snapshots.list({}, ctxOf())).items.map((x) => x.name)).toEqual(['from-afar']);
    expect(copy.ready).toBe(true);
  });
});
