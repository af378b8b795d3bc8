/** What the drivers of this repository tell clients of libStorage: pure functions, so no storage is needed. */
import type { LegacyFacet, Volume } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { isMine, stateOf, volumeOf, wanted } from '../src/v1/objects.ts';

const volume = (o: Partial<Volume>): Volume => ({
  name: 'data',
  id: 'vol-1',
  service: 'ebs',
  driver: 'ebs',
  sizeBytes: 2 ** 31,
  state: 'unavailable',
  format: 'formatted',
  attachments: [],
  holders: [],
  hints: {},
  labels: {},
  params: {},
  readOnly: false,
  notes: [],
  status: {},
  ...o,
});
const asker = (id: string, devices: Record<string, string> = {}) => ({
  instance: { driver: 'ebs', id, fields: {} },
  devices: new Map(Object.entries(devices)),
});
/** Token and device as EC2 has them. */
const legacy: LegacyFacet = {
  type: 'block',
  attachToken: (v) => String(v.status.device ?? ''),
  deviceName: (v) => String(v.status.device ?? ''),
};

describe('an attached volume, as a client sees it', () => {
  const v = volume({ attachments: [{ node: 'i-1', here: false, epoch: 0 }], status: { device: '/dev/xvdF' } });
  const it_ = { legacy } as never;

  it('its own node finds the device by the token among its local ones, in lower case', () => {
    const me = asker('I-1', { '/dev/xvdf': '/dev/nvme1n1' });
    expect([isMine('i-1', me), stateOf(v, me)]).toEqual([true, 2]);
    expect(volumeOf(v, it_, 15, me)).toMatchObject({
      size: 2,
      attachments: [{ deviceName: '/dev/nvme1n1', volumeID: 'vol-1' }],
    });
  });

  it('another node sees that it is taken, and by whom; with "mine" it sees no attachment', () => {
    const other = asker('i-2');
    expect(stateOf(v, other)).toBe(4);
    expect(volumeOf(v, it_, 1, other)).toMatchObject({
      attachments: [{ instanceID: { id: 'i-1' }, deviceName: '/dev/xvdF' }],
    });
    expect(volumeOf(v, it_, 3, other)).not.toHaveProperty('attachments');
    expect([wanted(v, 11, other), wanted(v, 9, other), wanted(v, 17, other), wanted(v, 0, other)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
});
