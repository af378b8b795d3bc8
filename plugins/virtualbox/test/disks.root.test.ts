/** Disks of the real VirtualBox: whose they are, what their formats can do, over both transports. */
import { statSync } from 'node:fs';
import { emptyRecord, isVolumeError, mib } from '@rexray/core';
import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { withDefaults } from '../src/config.ts';
import type { VirtualBoxDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import { Maker } from '../src/maker.ts';
import { SoapClient } from '../src/soap/client.ts';
import { ctxOf, driverOn, factsOf, removeAll, settings, specOf, TRANSPORTS, WISH } from './world.ts';

virtualboxSuite('disks of the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  const open: VirtualBoxDriver[] = [];
  const driver = async (transport: (typeof TRANSPORTS)[number]) => {
    const d = driverOn(vb, transport, { localMachineNameOrId: 'one' });
    open.push(d);
    return { d, node: await d.whoami(factsOf(), ctxOf()) };
  };
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
    await vb.addMachine('one', { ports: 2 });
  });
  afterAll(() => cleanup.run());
  afterEach(async () => {
    for (const d of open.splice(0)) await d.close();
    await removeAll(vb, '/srv/volumes/');
    await removeAll(vb, '/srv/machines/');
  });
  const code = async (p: Promise<unknown>): Promise<string | undefined> => {
    try {
      await p;
    } catch (e) {
      return isVolumeError(e) ? e.code : classify(e);
    }
    return 'it succeeded';
  };

  for (const transport of TRANSPORTS) {
    it(`a boot disk elsewhere is not listed, and neither attached, detached nor removed, by ${transport}`, async () => {
      const { d, node } = await driver(transport);
      await d.create('ours', specOf(), ctxOf());
      await vb.manage('createmedium', 'disk', '--filename', '/srv/machines/boot.vdi', '--size', '8');
      await vb.manage(
        'storageattach',
        'one',
        '--storagectl',
        'SATA',
        '--port',
        '1',
        '--device',
        '0',
        '--type',
        'hdd',
        '--medium',
        '/srv/machines/boot.vdi',
      );
      const id = [...(await vb.disksOf('one')).values()][0] ?? '';
      expect((await d.list({}, ctxOf())).items.map((v) => v.name)).toEqual(['ours']);
      expect(await code(d.get(id, ctxOf()))).toBe('not_found');
      expect(await code(d.remove(id, ctxOf()))).toBe('denied');
      expect(await code(d.detach(id, node, { force: true }, ctxOf()))).toBe('denied');
      expect(await code(d.attach(id, node, { ...WISH, force: true }, ctxOf()))).toBe('not_found');
      expect(await code(d.adopt(id, 'boot', emptyRecord({ state: 'blank', fsType: 'ext4' }), ctxOf()))).toBe(
        'not_found',
      );
      expect([...(await vb.disksOf('one')).values()]).toEqual([id]);
      expect(await vb.locations()).toContain('/srv/machines/boot.vdi');
      await vb.manage(
        'storageattach',
        'one',
        '--storagectl',
        'SATA',
        '--port',
        '1',
        '--device',
        '0',
        '--medium',
        'none',
      );
    });

    it(`a volume as REX-Ray made it (no ending, VMDK) is foreign until it is adopted, by ${transport}`, async () => {
      const { d, node } = await driver(transport);
      await d.list({}, ctxOf());
      const rexray = new SoapClient(withDefaults(settings(vb, 'soap')), new Maker());
      const old = {
        location: '/srv/volumes/old',
        format: 'VMDK',
        fixed: false,
        description: '',
        sizeBytes: mib(64),
      } as const;
      const id = await rexray.create(old, ctxOf());
      await rexray.close();
      expect((await d.list({}, ctxOf())).items).toMatchObject([{ id, name: 'old', foreign: true }]);
      expect(await code(d.attach(id, node, WISH, ctxOf()))).toBe('denied');
      const v = await d.adopt(id, 'data', emptyRecord({ state: 'blank', fsType: 'ext4' }), ctxOf());
      expect(v).toMatchObject({ id, name: 'data', params: { format: 'VMDK' } });
      await d.attach(id, node, WISH, ctxOf());
      await d.detach(id, node, { force: false }, ctxOf());
      await d.remove(id, ctxOf());
      expect(await vb.locations()).not.toContain('/srv/volumes/old');
    });

    it(`formats: what grows, what says that it does not, by ${transport}`, async () => {
      const { d } = await driver(transport);
      const fixed = await d.create('fixed', specOf({ sizeBytes: mib(8), params: { fixed: true } }), ctxOf());
      expect(statSync(vb.outside('/srv/volumes/fixed.vdi')).size).toBeGreaterThanOrEqual(mib(8));
      expect(await code(d.expand(fixed.id, mib(16), ctxOf()))).toBe('unsupported');
      const vmdk = await d.create('vmdk', specOf({ params: { format: 'VMDK' } }), ctxOf());
      expect(await code(d.expand(vmdk.id, mib(128), ctxOf()))).toBe('unsupported');
      expect((await d.get(vmdk.id, ctxOf())).sizeBytes).toBe(mib(64));
      // Larger than its source: refused before anything is made, or grown.
      const larger = specOf({ sizeBytes: mib(128), record: vmdk.record });
      expect(await code(d.clone(vmdk.id, 'copy', larger, ctxOf()))).toBe('unsupported');
      expect(await d.find('copy', ctxOf())).toBeUndefined();
      const grown = await d.clone(vmdk.id, 'copy', { ...larger, params: { format: 'VDI' } }, ctxOf());
      expect([grown.sizeBytes, grown.params.format, grown.record.copied]).toEqual([mib(128), 'VDI', true]);
      expect((await d.clone(vmdk.id, 'copy', { ...larger, params: { format: 'VDI' } }, ctxOf())).id).toBe(grown.id);
    });
  }

  it('S17: a VBoxSVC that has just started knows no sizes, and nothing is made smaller by it', async () => {
    const { d } = await driver('soap');
    const v = await d.create('data', specOf({ sizeBytes: mib(128) }), ctxOf());
    await vb.restart();
    expect((await d.list({}, ctxOf())).items).toMatchObject([{ id: v.id, sizeBytes: mib(128) }]);
    await vb.restart();
    expect((await d.expand(v.id, mib(64), ctxOf())).sizeBytes).toBe(mib(128));
    await vb.restart();
    const rest = await code(d.create('data', specOf({ sizeBytes: mib(256), asked: ['size'] }), ctxOf()));
    expect(rest).toBe('already_exists');
    await vb.restart();
    const client = new SoapClient(withDefaults(settings(vb, 'soap')), new Maker());
    expect(await client.resize(v.id, mib(64), ctxOf())).toBe(mib(128));
    await client.close();
  });
});
