import { type StorageWorld, storageConformance } from '@rexray/conformance';
import { mib } from '@rexray/core';
import { Cleanup, VirtualBox, virtualboxSuite } from '@rexray/rig';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { VirtualBoxParams } from '../src/config.ts';
import { classify } from '../src/errors.ts';
import { type Transport, world } from './world.ts';

/** What the rules over a transport share. A rule by VBoxManage is hundreds of processes that mostly wait: several go on at once. */
const HOSTS: readonly { readonly transport: Transport; readonly hosts: number }[] = [
  { transport: 'soap', hosts: 1 },
  { transport: 'cli', hosts: 4 },
];

virtualboxSuite('the real VirtualBox', () => {
  for (const { transport, hosts } of HOSTS) {
    describe(`by ${transport}`, () => {
      const cleanup = new Cleanup();
      const free: VirtualBox[] = [];
      const waiting: ((vb: VirtualBox) => void)[] = [];
      beforeAll(async () => {
        for (let n = 0; n < hosts; n++) free.push(await VirtualBox.start(cleanup));
      });
      afterAll(() => cleanup.run());
      const release = (vb: VirtualBox): void => {
        const next = waiting.shift();
        if (next === undefined) free.push(vb);
        else next(vb);
      };
      /** A place on a VirtualBox that no other rule uses meanwhile. */
      const open = async (): Promise<StorageWorld<VirtualBoxParams>> => {
        const vb = free.pop() ?? (await new Promise<VirtualBox>((take) => waiting.push(take)));
        const w = await world(vb, transport);
        return { ...w, close: () => w.close().finally(() => release(vb)) };
      };
      storageConformance(`virtualbox, by ${transport}`, {
        runner: { describe, it: (name, body) => (hosts > 1 ? it.concurrent : it)(name, body, 900_000) },
        open,
        classify,
        params: { format: 'VDI' },
        otherParams: { format: 'VMDK' },
        sizeBytes: mib(64),
        deadlineMs: 60_000,
        abortAfterMs: [0, 10, 50],
      });
    });
  }
});
