import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listing, told } from './scale.ts';

virtualboxSuite('many disks on the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
    await vb.addMachine('one', { ports: 10 });
  });
  afterAll(() => cleanup.run());

  it('50 are listed with at most three calls a disk, and leave nothing behind', async () => {
    const f = await listing(vb, 'soap', 50, 40);
    console.log(told('soap', f));
    // Besides those of the disks: what is registered, the notes, and the machines, once for all.
    expect(f.first.calls).toBeLessThanOrEqual(3 * f.disks + 15);
    expect(f.later.calls).toBeLessThanOrEqual(2 * f.disks + 15);
    expect(f.memory.web[1] - f.memory.web[0]).toBeLessThan(8);
    expect(f.memory.service[1] - f.memory.service[0]).toBeLessThan(8);
  });
});
