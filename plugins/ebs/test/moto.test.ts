import type { StorageWorld } from '@rexray/conformance';
import { storageConformance } from '@rexray/conformance';
import { gib } from '@rexray/core';
import { Cleanup, type Moto, moto, motoSuite } from '@rexray/rig';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { EbsParams } from '../src/config.ts';
import { EbsDriver } from '../src/driver.ts';
import { classify } from '../src/errors.ts';
import { TAG } from '../src/tags.ts';
import { OUTSIDE, settings } from './world.ts';

/** What moto 5.1 does otherwise than EC2, and which rules cannot hold there for it; all hold on our own server (driver.test.ts). */
const NOT_THERE = {
  'storage/attach-concurrent':
    'moto attaches an attached volume, and takes it from its owner without a word: nobody decides',
  'storage/create-concurrent': 'moto ignores ClientToken: two processes at once make two volumes',
};

motoSuite('moto', () => {
  const cleanup = new Cleanup();
  let emulator: Moto;
  beforeAll(async () => {
    emulator = await moto(cleanup);
  }, 40_000);
  afterAll(() => cleanup.run());

  storageConformance('ebs, on moto', {
    runner: { describe, it },
    open: () => motoWorld(emulator),
    classify,
    params: { type: 'gp3' },
    otherParams: { type: 'gp2' },
    sizeBytes: gib(4),
    deadlineMs: 15_000,
    skip: NOT_THERE,
  });
});

async function motoWorld(m: Moto): Promise<StorageWorld<EbsParams>> {
  await m.reset();
  const open: EbsDriver[] = [];
  const make = (instance: string): EbsDriver => {
    const d = new EbsDriver(settings(m.endpoint, instance), OUTSIDE);
    open.push(d);
    return d;
  };
  const instance = await m.runInstance();
  const tagged = (type: string, tags: Record<string, string>): Record<string, string> =>
    Object.fromEntries([
      ['TagSpecification.1.ResourceType', type],
      ...Object.entries(tags).flatMap(([k, v], i) => [
        [`TagSpecification.1.Tag.${i + 1}.Key`, k],
        [`TagSpecification.1.Tag.${i + 1}.Value`, v],
      ]),
    ]);
  const volume = async (tags: Record<string, string>): Promise<string> => {
    const xml = await m.call('CreateVolume', { AvailabilityZone: 'us-east-1a', Size: '1', ...tagged('volume', tags) });
    return /<volumeId>(vol-[0-9a-f]+)</.exec(xml)?.[1] ?? '';
  };
  return {
    driver: make(instance),
    another: async () => ({ driver: make(await m.runInstance()) }),
    reopen: async () => ({ driver: make(instance) }),
    async foreign() {
      await volume({ Name: 'conformance/theirs', [TAG.cluster]: 'another' });
      return { name: 'theirs' };
    },
    async halfMade(node, bootId) {
      const id = await volume({ x: 'y' });
      const tags = { [TAG.temporary]: 'half', [TAG.maker]: `${node} ${bootId}`, [TAG.cluster]: 'rexray' };
      const xml = await m.call('CreateSnapshot', { VolumeId: id, ...tagged('snapshot', tags) });
      const snapshot = /<snapshotId>(snap-[0-9a-f]+)</.exec(xml)?.[1] ?? '';
      return { exists: async () => (await m.call('DescribeSnapshots', { 'Owner.1': 'self' })).includes(snapshot) };
    },
    async close() {
      for (const d of open) await d.close();
    },
  };
}
