import { storageConformance } from '@rexray/conformance';
import { mib } from '@rexray/core';
import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { classify } from '../src/errors.ts';
import { TRANSPORTS, world } from './world.ts';

virtualboxSuite('the real VirtualBox', () => {
  const cleanup = new Cleanup();
  let vb: VirtualBox;
  beforeAll(async () => {
    vb = await VirtualBox.start(cleanup);
  });
  afterAll(() => cleanup.run());

  for (const transport of TRANSPORTS) {
    storageConformance(`virtualbox, by ${transport}`, {
      // A rule by VBoxManage is hundreds of processes: on a machine that is busy with other things they take their time.
      runner: { describe, it: (name, body) => it(name, body, 600_000) },
      open: () => world(vb, transport),
      classify,
      params: { format: 'VDI' },
      otherParams: { format: 'VMDK' },
      sizeBytes: mib(64),
      deadlineMs: 60_000,
      abortAfterMs: [0, 10, 50],
    });
  }
});
