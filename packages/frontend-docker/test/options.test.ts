import { gib, mib } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { createOptions } from '../src/options.ts';

const none = {};
const tiered = { paramsSchema: { properties: { tier: { type: 'string' } } } };

describe('options as Docker passes them', () => {
  it.each([
    [{ size: '5' }, { size: gib(5) }],
    [{ SIZE: '10g' }, { size: gib(10) }],
    [{ Size: '512MiB' }, { size: mib(512) }],
    [{ iops: '150' }, { hints: { iops: 150 } }],
    [{ IOPS: '150', volumeType: 'io1' }, { hints: { iops: 150, type: 'io1' } }],
    [{ type: 'gp3', volumetype: 'io1' }, { hints: { type: 'gp3' } }],
    [{ availabilityzone: 'a' }, { hints: { availabilityZone: 'a' } }],
    [
      { encrypted: 'true', encryptionKey: 'k' },
      { encrypted: true, encryptionKey: 'k' },
    ],
    [
      { newfstype: 'xfs', overwritefs: 'true' },
      { fsType: 'xfs', overwriteFs: true },
    ],
    [{ fsType: 'btrfs' }, { fsType: 'btrfs' }],
    [{ volumeName: 'a' }, { from: { volume: 'a' } }],
    [{ volumeID: 'a' }, { from: { volumeId: 'a' } }],
    [{ snapshotName: 'a' }, { from: { snapshot: 'a' } }],
    [{ snapshotid: 'a' }, { from: { snapshotId: 'a' } }],
    [{ from: 'snapshot:a' }, { from: { snapshot: 'a' } }],
    [{ uid: '1000', gid: '1001', mode: '0750' }, { owner: { uid: 1000, gid: 1001, mode: 0o750 } }],
    [
      { mountOptions: 'noatime,nodiratime', readOnly: 'true' },
      { mountOptions: ['noatime', 'nodiratime'], readOnly: true },
    ],
    [{}, {}],
  ])('%j', (opts, expected) => {
    expect(createOptions(opts as Record<string, string>, none)).toEqual(expected);
  });

  it.each([
    [{ size: '5,iops=150' }, { size: gib(5), hints: { iops: 150 } }],
    [{ size: '5, volumeType=io1 ,newFsType=xfs' }, { size: gib(5), hints: { type: 'io1' }, fsType: 'xfs' }],
    [{ mountOptions: 'noatime,size=5' }, { mountOptions: ['noatime'], size: gib(5) }],
    [{ size: '5,label.team=web' }, { size: gib(5), labels: { team: 'web' } }],
    [{ 'label.note': 'a,size=5' }, { labels: { note: 'a,size=5' } }],
    [{ volumeType: 'a,b' }, { hints: { type: 'a,b' } }],
  ])('several in one: %j', (opts, expected) => {
    expect(createOptions(opts as Record<string, string>, none)).toEqual(expected);
  });

  it.each([
    [{ size: '10GB!' }, 'size'],
    [{ iops: 'many' }, 'iops'],
    [{ encrypted: 'perhaps' }, 'encrypted'],
    [{ mode: '9' }, 'mode'],
    [{ newFsType: 'ntfs' }, 'newFsType'],
    [{ size: '5,iops=x' }, 'iops'],
    [{ siez: '5' }, 'siez'],
    [{ '': '5' }, ''],
    [{ tier: 'gold' }, 'tier'],
  ])('what cannot be read is an error that names the key: %j', (opts, path) => {
    expect(() => createOptions(opts as unknown as Record<string, string>, none)).toThrow(
      expect.objectContaining({ code: 'invalid', details: expect.objectContaining({ path }) }),
    );
  });

  it('options of the driver, by its schema', () => {
    expect(createOptions({ TIER: 'gold', size: '5' }, tiered)).toEqual({ size: gib(5), params: { tier: 'gold' } });
    expect(createOptions({ size: '5,tier=gold' }, tiered)).toEqual({ size: gib(5), params: { tier: 'gold' } });
  });
});
