import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG, definePlugin, gib, type Integration, silentLogger } from '@rexray/core';
import { LinuxHost } from '@rexray/host-linux';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { configSchema, type EbsConfig, paramsSchema } from '../src/config.ts';
import { EbsDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import type { ModelInstance } from './ec2/model.ts';
import { type FaultServer, faultServer } from './ec2/server.ts';
import { type Hardware, Rack, Shelf, wire } from './rack.ts';
import { OUTSIDE, settings } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

interface Instance {
  readonly id: string;
  readonly rack: Rack;
  /** REX-Ray as on that instance: its own state, its own disks. */
  readonly volumes: Integration;
}
interface Cloud {
  readonly server: FaultServer;
  readonly shelf: Shelf;
  /** What no step may do. */
  readonly wrong: readonly string[];
  boot(): Promise<Instance>;
}

async function cloud(hardware: Hardware): Promise<Cloud> {
  const server = await faultServer({ clock: realClock, takes: { create: 20, attach: 30, detach: 30, modify: 20 } });
  cleanup.add(() => server.close());
  const shelf = new Shelf(cleanup);
  const racks = new Map<string, Rack>();
  const wrong = wire(server, racks, cleanup);
  return {
    server,
    shelf,
    wrong,
    async boot() {
      const i = server.model.addInstance('us-east-1a', hardware === 'xen' ? 't2.micro' : 'm5.large');
      const rack = new Rack(cleanup, shelf, hardware);
      rack.plug(i.root.volume, 8, i.root.device);
      racks.set(i.id, rack);
      return { id: i.id, rack, volumes: await rexrayOn(server, i, rack) };
    },
  };
}

async function rexrayOn(server: FaultServer, i: ModelInstance, rack: Rack): Promise<Integration> {
  const home = cleanup.tempDir('rexray-ebs-node-');
  const outside = { ...OUTSIDE, sysBlock: join(rack.sysDir, 'block') };
  // The plugin as it is, told where this "machine" shows its disks.
  class Driver extends EbsDriver {
    constructor(c: EbsConfig) {
      super(c, outside);
    }
  }
  const plugin = definePlugin({
    kind: 'storage',
    name: 'ebs',
    config: configSchema,
    params: paramsSchema,
    deps: [CONFIG],
    driver: Driver,
    classify,
  });
  const { sysDir, devDir, byIdDir } = rack;
  const mountNamespace = '/proc/self';
  const stateDir = join(home, 'var/lib/state');
  const host = new LinuxHost({ stateDir, nodeId: i.id, mountNamespace, sysDir, devDir, byIdDir }, silentLogger);
  const rex = await openRexray({
    home,
    node: { id: i.id, mountNamespace },
    services: { ebs: plugin(settings(server.endpoint, i.id, { statusTimeout: '1m' })) },
    host,
    watch: false,
  });
  cleanup.add(() => rex.close());
  const volumes = rex.service('ebs').integration;
  cleanup.add(async () => {
    for (const v of (await volumes.list({})).items) await volumes.unmount(v.name, { holder: 'cli' }).catch(() => {});
  });
  return volumes;
}

function put(path: string, text: string): void {
  const fd = openSync(path, 'w');
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
}

function sizeOf(path: string): number {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
}

const NEEDS = { root: true, loop: true, programs: { ...EXT4, mknod: 'coreutils' } };
const HARDWARE: readonly Hardware[] = ['nitro with udev', 'nitro without udev', 'xen'];

suite('real disks behind our own EC2 (not Amazon’s): loop devices under the names that Linux gives', NEEDS, () => {
  it.each(HARDWARE)(
    '%s: made, formatted, written, grown, moved to another instance, read there',
    async (hardware) => {
      const c = await cloud(hardware);
      const [a, b] = [await c.boot(), await c.boot()];
      // Another volume of ours, as blank as the first, is on the instance already: only its identity tells them apart.
      await a.volumes.create('decoy', { size: gib(1) });
      const decoy = await a.volumes.attach('decoy', {});
      await a.volumes.create('data', { size: gib(1) });
      const m = await a.volumes.mount('data', { holder: 'cli' });
      const { id } = await a.volumes.get('data');
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).toContain(` ${a.rack.devnoOf(id)} `);
      put(join(m.path, 'hello'), 'from a');
      const grown = await a.volumes.expand('data', { size: gib(2) });
      expect(grown.volume.sizeBytes).toBe(gib(2));
      // Growing while mounted needs a capability that some machines withhold; the disk itself must have grown by then.
      if (grown.fileSystem === 'next-mount') expect(grown.why).toContain('CAP_SYS_RESOURCE');
      else expect(sizeOf(m.path)).toBeGreaterThan(1.8 * 2 ** 30);
      const refused = b.volumes.mount('data', { holder: 'cli' });
      await expect(refused).rejects.toMatchObject({ code: 'in_use', message: expect.stringContaining(a.id) });
      await a.volumes.unmount('data', { holder: 'cli' });
      expect(a.rack.nameOf(id)).toBeUndefined();
      const n = await b.volumes.mount('data', { holder: 'cli' });
      expect(readFileSync(join(n.path, 'hello'), 'utf8')).toBe('from a');
      expect(sizeOf(n.path)).toBeGreaterThan(1.8 * 2 ** 30);
      await b.volumes.unmount('data', { holder: 'cli' });
      expect(existsSync(n.path)).toBe(false);
      // Nothing was written where it does not belong, and EC2 was never asked to take a mounted disk.
      for (const other of [decoy.id, ...[...c.server.model.instances.values()].map((i) => i.root.volume)])
        expect(existsSync(c.shelf.image(other)) ? statSync(c.shelf.image(other)).blocks : 0).toBe(0);
      expect(c.wrong).toEqual([]);
      await a.volumes.detach('decoy', {});
      for (const name of ['data', 'decoy']) await b.volumes.remove(name);
      expect([...c.server.model.volumes.values()].filter((v) => v.state !== 'deleting')).toEqual([]);
    },
    120_000,
  );

  it('xen: past names in use and ghosts; a name that EC2 refuses as already in use is not the end', async () => {
    const c = await cloud('xen');
    const a = await c.boot();
    for (const l of 'ghijklmno') a.rack.ghost(`/dev/xvd${l}`);
    await a.volumes.create('data', { size: gib(1) });
    const { id } = await a.volumes.get('data');
    // Of the two names left, the first to be tried is taken by somebody whom our memory of the instance does not show.
    const names = ['/dev/xvdf', '/dev/xvdp'];
    const [first = '', second = ''] = Number.parseInt(id.slice(-6), 16) % 2 === 0 ? names : [...names].reverse();
    const { VolumeId: other = '' } = c.server.model.handle('CreateVolume', {
      AvailabilityZone: 'us-east-1a',
      Size: 1,
      VolumeType: 'gp3',
    });
    a.rack.unseen.add(other);
    await new Promise((resolve) => setTimeout(resolve, 50));
    c.server.model.handle('AttachVolume', { VolumeId: other, InstanceId: a.id, Device: first });
    const asked = c.server.model.calls.AttachVolume ?? 0;
    const m = await a.volumes.mount('data', { holder: 'cli' });
    expect((c.server.model.calls.AttachVolume ?? 0) - asked).toBe(2);
    expect(a.rack.nameOf(id)).toBe(second.slice('/dev/'.length));
    put(join(m.path, 'hello'), 'x');
    await a.volumes.unmount('data', { holder: 'cli' });
    expect(c.wrong).toEqual([]);
    await a.volumes.remove('data');
  }, 60_000);
});
