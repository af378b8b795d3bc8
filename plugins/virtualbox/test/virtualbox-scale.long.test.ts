/** 500 disks on the real VirtualBox, over both transports: what a listing costs, and whether it leaves anything behind. */
import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listing, told } from './scale.ts';
import { TRANSPORTS } from './world.ts';

virtualboxSuite('500 disks on the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
    await vb.addMachine('one', { ports: 10 });
  });
  afterAll(() => cleanup.run());

  for (const transport of TRANSPORTS) {
    it(`500 are listed, by ${transport}`, async () => {
      const f = await listing(vb, transport, 500, transport === 'soap' ? 100 : 3);
      console.log(told(transport, f));
      expect(f.first.calls).toBeLessThanOrEqual(transport === 'soap' ? 3 * f.disks + 15 : 10);
      expect(f.memory.web[1] - f.memory.web[0]).toBeLessThan(16);
      expect(f.memory.service[1] - f.memory.service[0]).toBeLessThan(16);
    });
  }
});
