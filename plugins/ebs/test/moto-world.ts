import type { StorageWorld } from '@rexray/conformance';
import type { Moto } from '@rexray/rig';
import type { EbsParams } from '../src/config.ts';
import { EbsDriver } from '../src/driver.ts';
import { TAG } from '../src/tags.ts';
import { OUTSIDE, settings } from './world.ts';

/** What moto offers to one rule of the conformance suite. */
export async function motoWorld(m: Moto): Promise<StorageWorld<EbsParams>> {
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
