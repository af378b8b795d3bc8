import type { StorageWorld } from '@rexray/conformance';
import type { Ctx } from '@rexray/core';
import { realClock } from '../src/clock.ts';
import type { EbsConfig, EbsParams } from '../src/config.ts';
import { EbsDriver, type Outside } from '../src/driver.ts';
import { TAG } from '../src/tags.ts';
import type { ModelOptions } from './ec2/model.ts';
import { type FaultServer, faultServer } from './ec2/server.ts';

/** No test ever looks for credentials, regions or the metadata service outside. */
export const ISOLATED: Readonly<Record<string, string>> = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9',
  AWS_REGION: 'us-east-1',
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
};
Object.assign(process.env, ISOLATED);

export const ctxOf = (ms = 20_000, signal: AbortSignal = new AbortController().signal): Ctx => ({
  signal,
  deadline: performance.now() + ms,
  requestId: 'test',
  progress: () => undefined,
});

export const settings = (endpoint: string, instanceID: string, more: Partial<EbsConfig> = {}): Partial<EbsConfig> => ({
  endpoint,
  instanceID,
  region: 'us-east-1',
  accessKey: 'test',
  secretKey: 'test',
  tag: 'conformance',
  statusInitialDelay: '5ms',
  ...more,
});

/** On loopback nobody else needs the calls: shared as in earnest, but without the distance that EC2's limits want. */
export const OUTSIDE: Outside = { visibleMs: 500, pace: { windowMs: 1, burst: 8, spacingMs: 10 } };

/** The first instance of a server, and another one. */
export function instancesOn(server: FaultServer): readonly [node: string, other: string] {
  const [node = server.model.addInstance().id] = server.model.instances.keys();
  return [node, server.model.addInstance().id];
}

/** A driver that has said who it is. */
export async function nodeOn(server: FaultServer, config: Partial<EbsConfig> = {}): Promise<EbsDriver> {
  const driver = new EbsDriver(settings(server.endpoint, server.model.addInstance().id, config), OUTSIDE);
  await driver.whoami({ nodeId: 'n', hostname: 'n', bootId: 'boot', macs: [] }, ctxOf());
  return driver;
}

/** What the fault server offers to one rule of the conformance suite. */
export async function faultWorld(
  o: Omit<ModelOptions, 'clock'> = {},
  config: Partial<EbsConfig> = {},
): Promise<StorageWorld<EbsParams>> {
  const server = await faultServer({ clock: realClock, ...o });
  const { model } = server;
  const open: EbsDriver[] = [];
  const make = (instance: string): EbsDriver => {
    const d = new EbsDriver(settings(server.endpoint, instance, config), OUTSIDE);
    open.push(d);
    return d;
  };
  const instance = model.addInstance().id;
  return {
    driver: make(instance),
    another: async () => ({ driver: make(model.addInstance().id) }),
    reopen: async () => ({ driver: make(instance) }),
    content: {
      async write(id, text) {
        const v = model.volumes.get(id);
        if (v !== undefined) v.content = text;
      },
      read: async (id) => model.volumes.get(id)?.content,
    },
    async foreign() {
      const { VolumeId: id = '' } = model.handle('CreateVolume', {
        AvailabilityZone: 'us-east-1a',
        Size: 1,
        VolumeType: 'gp3',
        TagSpecifications: [
          {
            ResourceType: 'volume',
            Tags: [
              { Key: 'Name', Value: 'conformance/theirs' },
              { Key: TAG.cluster, Value: 'another' },
            ],
          },
        ],
      });
      const intact = async (): Promise<boolean> => model.volumes.get(id)?.tags.length === 1;
      return { name: 'theirs', intact };
    },
    async halfMade(node, bootId) {
      const volume = model.handle('CreateVolume', { AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' });
      const tags = { [TAG.temporary]: 'half', [TAG.maker]: `${node} ${bootId}`, [TAG.cluster]: 'rexray' };
      const { SnapshotId: id = '' } = model.handle('CreateSnapshot', {
        VolumeId: volume.VolumeId,
        TagSpecifications: [
          { ResourceType: 'snapshot', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
        ],
      });
      return { exists: async () => model.snapshots.has(id) };
    },
    async lose() {
      server.faults.down = true;
      return async () => {
        server.faults.down = false;
      };
    },
    async close() {
      for (const d of open) await d.close();
      await server.close();
    },
  };
}
