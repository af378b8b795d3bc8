import { Cleanup, moto, motoSuite } from '@rexray/rig';
import { afterAll, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { withDefaults } from '../src/config.ts';
import type { Ec2 } from '../src/ec2.ts';
import { codeOf } from '../src/errors.ts';
import { sdkEc2 } from '../src/sdk.ts';
import { faultServer } from './ec2/server.ts';
import { settings } from './world.ts';

interface Place {
  readonly ec2: Ec2;
  readonly instance: string;
  readonly farInstance: string;
  readonly volume: (more?: object) => Promise<string>;
}
const signal = new AbortController().signal;
const ZONE = { AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' as const };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const attach = (p: Place, VolumeId: string, InstanceId = p.instance, Device = '/dev/xvdf') =>
  p.ec2.send('AttachVolume', { VolumeId, InstanceId, Device }, signal);

/** What EC2's API Reference says of a call, and how both servers answer it. The answer is an error code, or a word. */
const CASES: readonly [says: string, expected: string, (p: Place) => Promise<unknown>][] = [
  [
    'an attached volume is attached again',
    'VolumeInUse',
    async (p) => {
      const v = await p.volume();
      await attach(p, v);
      return attach(p, v, p.instance, '/dev/xvdg');
    },
  ],
  [
    'a device name that is in use',
    'InvalidParameterValue',
    async (p) => {
      await attach(p, await p.volume());
      return attach(p, await p.volume());
    },
  ],
  [
    'an instance of another zone',
    'InvalidVolume.ZoneMismatch',
    async (p) => attach(p, await p.volume(), p.farInstance),
  ],
  [
    'the same ClientToken again',
    'the same volume',
    async (p) => {
      const ids = [await p.volume({ ClientToken: 'once' }), await p.volume({ ClientToken: 'once' })];
      return ids[0] === ids[1] ? 'the same volume' : 'another volume';
    },
  ],
  [
    'the same ClientToken with another size',
    'IdempotentParameterMismatch',
    async (p) => {
      await p.volume({ ClientToken: 'twice' });
      return p.volume({ ClientToken: 'twice', Size: 2 });
    },
  ],
  [
    'a volume that is not attached is detached',
    'IncorrectState',
    async (p) => p.ec2.send('DetachVolume', { VolumeId: await p.volume(), InstanceId: p.instance }, signal),
  ],
  [
    'an attached volume is deleted',
    'VolumeInUse',
    async (p) => {
      const v = await p.volume();
      await attach(p, v);
      return p.ec2.send('DeleteVolume', { VolumeId: v }, signal);
    },
  ],
  [
    'a volume is attached at once after it was asked for',
    'IncorrectState',
    async (p) => {
      const { VolumeId: v = '' } = await p.ec2.send('CreateVolume', ZONE, signal);
      return attach(p, v);
    },
  ],
  [
    'a page of five of seven volumes',
    '5 and a token',
    async (p) => {
      const ids = [];
      for (let i = 0; i < 7; i++) ids.push(await p.volume());
      const Filters = [{ Name: 'volume-id', Values: ids }];
      const r = await p.ec2.send('DescribeVolumes', { Filters, MaxResults: 5 }, signal);
      return `${r.Volumes?.length} and ${r.NextToken ? 'a token' : 'no token'}`;
    },
  ],
  ['a volume of size 0', 'InvalidParameterValue', (p) => p.volume({ Size: 0 })],
  ['a type that does not exist', 'InvalidParameterValue', (p) => p.volume({ VolumeType: 'zzz' })],
  ['a zone that does not exist', 'InvalidZone.NotFound', (p) => p.volume({ AvailabilityZone: 'mars-1a' })],
  [
    'a volume shrinks',
    'InvalidParameterValue',
    async (p) => p.ec2.send('ModifyVolume', { VolumeId: await p.volume({ Size: 4 }), Size: 2 }, signal),
  ],
  [
    'one of two ids is unknown',
    'InvalidVolume.NotFound',
    async (p) => p.ec2.send('DescribeVolumes', { VolumeIds: [await p.volume(), 'vol-00000000000000bad'] }, signal),
  ],
];

function place(endpoint: string, instance: string, farInstance: string, cleanup: Cleanup): Place {
  const ec2 = sdkEc2(withDefaults(settings(endpoint, instance)), async () => 'us-east-1');
  cleanup.add(() => ec2.close());
  return {
    ec2,
    instance,
    farInstance,
    async volume(more = {}) {
      const { VolumeId: id = '' } = await ec2.send('CreateVolume', { ...ZONE, ...more }, signal);
      for (let i = 0; i < 100; i++) {
        const r = await ec2.send('DescribeVolumes', { VolumeIds: [id] }, signal);
        if (r.Volumes?.[0]?.State === 'available') break;
        await pause(5);
      }
      return id;
    },
  };
}

const answerOf = async (p: Place, f: (p: Place) => Promise<unknown>): Promise<string> =>
  f(p).then(
    (x) => (typeof x === 'string' && !x.startsWith('vol-') ? x : 'accepted'),
    (e: unknown) => codeOf(e),
  );

motoSuite('the same calls on our own EC2 (not Amazon’s) and on moto', () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it('ours answers as the API Reference says; where moto differs is printed', async () => {
    const m = await moto(cleanup);
    const table: string[] = [];
    const wrong: string[] = [];
    for (const [says, expected, f] of CASES) {
      const server = await faultServer({ clock: realClock, takes: { create: 15 } });
      cleanup.add(() => server.close());
      const [near, far] = ['us-east-1a', 'us-east-1b'].map((z) => server.model.addInstance(z).id);
      const ours = await answerOf(place(server.endpoint, near ?? '', far ?? '', cleanup), f);
      await m.reset();
      const theirs = await answerOf(
        place(m.endpoint, await m.runInstance(), await m.runInstance('us-east-1b'), cleanup),
        f,
      );
      if (ours !== expected) wrong.push(`${says}: ${ours}, expected ${expected}`);
      table.push(`${says.padEnd(52)} ${ours.padEnd(30)} ${theirs === ours ? 'the same' : theirs}`);
    }
    console.log(`${'call'.padEnd(52)} ${'ours'.padEnd(30)} moto\n${table.join('\n')}`);
    expect(wrong).toEqual([]);
  }, 120_000);
});
