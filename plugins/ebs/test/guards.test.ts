import { emptyRecord } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import type { EbsConfig } from '../src/config.ts';
import { EbsDriver } from '../src/driver.ts';
import { TAG } from '../src/tags.ts';
import type { ModelInstance, ModelOptions } from './ec2/model.ts';
import { faultServer } from './ec2/server.ts';
import { ATTACH, specOf } from './life.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

async function cloud(o: Partial<ModelOptions> = {}) {
  const s = await faultServer({ clock: realClock, ...o });
  cleanup.add(() => s.close());
  const on = async (i: ModelInstance, c: Partial<EbsConfig> = {}): Promise<EbsDriver> => {
    const d = new EbsDriver(settings(s.endpoint, i.id, c), OUTSIDE);
    cleanup.add(() => d.close());
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'boot', macs: [] }, ctxOf());
    return d;
  };
  /** A volume that no service made, as a person would in the console. */
  const raw = (tags: Record<string, string> = {}): string =>
    s.model.handle('CreateVolume', {
      AvailabilityZone: 'us-east-1a',
      Size: 1,
      VolumeType: 'gp3',
      TagSpecifications: [
        { ResourceType: 'volume', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }).VolumeId ?? '';
  const retag = (id: string, tags: Record<string, string>): void => {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    s.model.handle('CreateTags', { Resources: [id], Tags });
  };
  return { ...s, on, raw, retag };
}
const RECORD = emptyRecord({ state: 'blank', fsType: 'ext4' });

describe('which volume, on our own EC2 (not Amazon’s)', () => {
  it('S13: a token’s reply that names a volume which was renamed meanwhile is not taken for the new one', async () => {
    const s = await cloud();
    const first = await (await s.on(s.model.addInstance())).create('v', specOf(), ctxOf());
    s.retag(first.id, { Name: 'conformance/w' });
    const again = await (await s.on(s.model.addInstance())).create('v', specOf(), ctxOf());
    expect([again.name, again.id === first.id]).toEqual(['v', false]);
    expect((await (await s.on(s.model.addInstance())).find('w', ctxOf()))?.id).toBe(first.id);
  });

  it('a reply that names a volume of another cluster by now is not taken either', async () => {
    const s = await cloud();
    const first = await (await s.on(s.model.addInstance())).create('v', specOf(), ctxOf());
    s.retag(first.id, { Name: 'x', [TAG.cluster]: 'another' });
    const again = await (await s.on(s.model.addInstance())).create('v', specOf(), ctxOf());
    expect(again.id).not.toBe(first.id);
  });

  it('a record that is not whole makes the volume nobody’s: not attached, not marked, not removed', async () => {
    const s = await cloud();
    const i = s.model.addInstance();
    const v = await (await s.on(i)).create('v', specOf(), ctxOf());
    const chunk = [...(s.model.volumes.get(v.id)?.tags.at(-1)?.tags.keys() ?? [])].find((k) => k.startsWith(TAG.chunk));
    s.model.handle('DeleteTags', { Resources: [v.id], Tags: [{ Key: chunk ?? '' }] });
    const d = await s.on(i);
    const refused = { code: 'denied' };
    await expect(d.attach(v.id, i.id, ATTACH, ctxOf())).rejects.toMatchObject(refused);
    await expect(d.mark(v.id, { labels: {} }, { ifRevision: v.record.revision }, ctxOf())).rejects.toMatchObject(
      refused,
    );
    await expect(d.remove(v.id, ctxOf())).rejects.toMatchObject(refused);
    expect((await d.get(v.id, ctxOf())).status?.problem).toContain('not whole');
  });

  it('what is below the prefix of another service is foreign to one without a prefix', async () => {
    const s = await cloud();
    const v = await (await s.on(s.model.addInstance(), { tag: 'prod' })).create('v', specOf(), ctxOf());
    const plain = await s.on(s.model.addInstance(), { tag: '' });
    expect((await plain.get(v.id, ctxOf())).foreign).toBe(true);
    await expect(plain.remove(v.id, ctxOf())).rejects.toMatchObject({ code: 'denied' });
  });
});

describe('what another instance uses', () => {
  it('is not adopted: ours, it could be taken from there', async () => {
    const s = await cloud();
    const [mine, theirs] = [s.model.addInstance(), s.model.addInstance()];
    const id = s.raw({ Name: 'database' });
    s.model.handle('AttachVolume', { VolumeId: id, InstanceId: theirs.id, Device: '/dev/sdf' });
    const d = await s.on(mine);
    await expect(d.adopt(id, 'v', RECORD, ctxOf())).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining(theirs.id),
    });
    expect(s.model.volumes.get(id)?.tags).toHaveLength(1);
  });

  it('a root volume is never adopted nor detached, whatever its tags say', async () => {
    const s = await cloud();
    const i = s.model.addInstance();
    const d = await s.on(i);
    const v = await d.create('v', specOf(), ctxOf());
    s.model.volumes.get(v.id)?.attachments.push({
      instance: i.id,
      device: '/dev/sda1',
      state: 'attached',
      until: 0,
      since: new Date(),
    });
    for (const force of [false, true])
      await expect(d.detach(v.id, i.id, { force }, ctxOf())).rejects.toMatchObject({ code: 'denied' });
    const foreign = s.raw();
    s.model.volumes.get(foreign)?.attachments.push({
      instance: i.id,
      device: '/dev/xvda',
      state: 'attached',
      until: 0,
      since: new Date(),
    });
    await expect(d.adopt(foreign, 'r', RECORD, ctxOf())).rejects.toMatchObject({ code: 'in_use' });
  });
});

describe('what EC2 does slowly', () => {
  it('a change that EC2 took and shows later is not asked for again', async () => {
    const s = await cloud({ visibleAfterMs: 250, takes: { modify: 600 } });
    const d = await s.on(s.model.addInstance());
    const w = await d.create('w', specOf({ gib: 8 }), ctxOf());
    expect((await d.modify(w.id, { params: { iops: 3500 } }, ctxOf())).params.iops).toBe(3500);
    expect(s.model.calls.ModifyVolume).toBe(1);
  });

  it('a volume that stays detaching: what EC2 says, and what to do', async () => {
    const s = await cloud({ takes: { detach: 60_000 } });
    const i = s.model.addInstance();
    const d = await s.on(i, { statusTimeout: '500ms', statusMaxAttempts: 20 });
    const v = await d.create('v', specOf(), ctxOf());
    await d.attach(v.id, i.id, ATTACH, ctxOf());
    await expect(d.detach(v.id, i.id, { force: false }, ctxOf())).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringMatching(/still on i-\w+: EC2 says detaching/),
      hint: expect.stringContaining('stop-instances'),
    });
  });

  it('a volume in error says so at once', async () => {
    const s = await cloud();
    const i = s.model.addInstance();
    const d = await s.on(i);
    const v = await d.create('v', specOf(), ctxOf());
    const stored = s.model.volumes.get(v.id);
    if (stored !== undefined) stored.state = 'error';
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await expect(d.attach(v.id, i.id, ATTACH, ctxOf(5_000))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('in error'),
    });
  });
});
