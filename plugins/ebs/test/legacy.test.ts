/** What a client of libStorage is told of an EBS volume, from what EC2 says of its attachment. */
import type { Volume } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { EbsDriver } from '../src/driver.ts';
import plugin from '../src/index.ts';
import { legacy } from '../src/legacy.ts';
import { faultServer } from './ec2/server.ts';
import { ATTACH, specOf } from './life.ts';
import { ctxOf, OUTSIDE, settings } from './world.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

/** The facet reads nothing else of a volume. */
const volume = (o: Pick<Volume, 'status'> & { readonly nodes: readonly string[] }): Volume =>
  ({ status: o.status, attachments: o.nodes.map((node) => ({ node, here: false, epoch: 0 })) }) as unknown as Volume;

describe('the legacy facet', () => {
  it('is what the plugin brings: block devices of REX-Ray’s range, picked by the server', () => {
    expect(plugin.plugin.legacy).toBe(legacy);
    expect([legacy.type, legacy.nextDevice]).toEqual(['block', { ignore: true, prefix: 'xvd', pattern: '[f-p]' }]);
  });

  it('token and device are the name that EC2 has, as the kernel of a client writes it: sd becomes xvd', () => {
    for (const [device, token] of [
      ['/dev/sdf', '/dev/xvdf'],
      ['/dev/xvdf', '/dev/xvdf'],
      ['/dev/xvdba', '/dev/xvdba'],
    ]) {
      const v = volume({ status: { device }, nodes: ['i-1'] });
      expect([legacy.attachToken(v, 'i-1'), legacy.deviceName?.(v, 'i-1')]).toEqual([token, token]);
    }
  });

  it('a volume that is attached nowhere has no token to wait for, and another instance has no device of it', () => {
    const nowhere = volume({ status: {}, nodes: [] });
    expect([legacy.attachToken(nowhere, 'i-1'), legacy.deviceName?.(nowhere, 'i-1')]).toEqual(['', undefined]);
    expect(legacy.deviceName?.(volume({ status: { device: '/dev/sdf' }, nodes: ['i-1'] }), 'i-2')).toBeUndefined();
  });

  it('after a real attach (to our own EC2, not Amazon’s) the token is the name that was asked for', async () => {
    const s = await faultServer({ clock: realClock });
    cleanup.add(() => s.close());
    const i = s.model.addInstance('us-east-1a', 't2.micro');
    const d = new EbsDriver(settings(s.endpoint, i.id, {}), OUTSIDE);
    cleanup.add(() => d.close());
    await d.whoami({ nodeId: 'n', hostname: 'n', bootId: 'boot', macs: [] }, ctxOf());
    const made = await d.create('v', specOf(), ctxOf());
    const a = await d.attach(made.id, i.id, ATTACH, ctxOf());
    const found = await d.get(made.id, ctxOf());
    const v = volume({ status: found.status ?? {}, nodes: found.attachments.map((x) => x.node) });
    const path = a.kind === 'disk' ? a.match.path : undefined;
    expect(path).toMatch(new RegExp(`^/dev/${legacy.nextDevice?.prefix}${legacy.nextDevice?.pattern}$`));
    expect([legacy.attachToken(v, i.id), legacy.deviceName?.(v, i.id)]).toEqual([path, path]);
  });
});
