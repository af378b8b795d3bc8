import type { Volume } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';
import { faultServer } from './ec2/server.ts';
import { shell } from './shell.ts';

let cleanup: Cleanup;
beforeEach(() => {
  cleanup = new Cleanup();
});
afterEach(() => cleanup.run());

describe('the commands, on our own EC2 (not Amazon’s)', () => {
  it('another zone: attach says why not, and the command that it names moves the volume', async () => {
    const server = await faultServer({ clock: realClock });
    cleanup.add(() => server.close());
    const [a, b] = [server.model.addInstance('us-east-1a'), server.model.addInstance('us-east-1b')];
    const [onA, onB] = [shell(cleanup, server, a), shell(cleanup, server, b)];
    expect((await onA('volume', 'create', 'data', '--size', '2')).status).toBe(0);
    const [made] = [...server.model.volumes.values()];
    if (made === undefined) throw new Error('nothing was made');
    made.content = 'what was written';

    const no = await onB('volume', 'attach', 'data');
    expect(no.status).not.toBe(0);
    expect(no.err).toMatch(/is in us-east-1a, node i-\w+ is in us-east-1b/);
    const [, command = ''] = /: rexray (volume clone data <new name> --availabilityZone us-east-1b)/.exec(no.err) ?? [];
    const moved = await onB(...command.replace('<new name>', 'data-b').split(' '));
    expect([moved.err, moved.status]).toEqual(['', 0]);
    const copy = [...server.model.volumes.values()].find((v) => v.id !== made.id);
    expect([copy?.zone, copy?.size, copy?.content]).toEqual(['us-east-1b', 2, 'what was written']);
    expect([...server.model.snapshots.values()]).toEqual([]);

    const there = await onB('volume', 'attach', 'data-b', '-f', 'json');
    expect((JSON.parse(there.out) as Volume[])[0]?.state).toBe('attached');
    expect(copy?.attachments.map((x) => x.instance)).toEqual([b.id]);
    expect((await onB('volume', 'detach', 'data-b')).status).toBe(0);
  }, 60_000);

  it('two volumes of one name: both ids are in the message', async () => {
    const server = await faultServer({ clock: realClock });
    cleanup.add(() => server.close());
    const rexray = shell(cleanup, server, server.model.addInstance());
    const ids = [1, 2].map(
      () =>
        server.model.handle('CreateVolume', {
          AvailabilityZone: 'us-east-1a',
          Size: 1,
          VolumeType: 'gp3',
          TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'conformance/twin' }] }],
        }).VolumeId ?? '',
    );
    const r = await rexray('volume', 'attach', 'twin');
    expect(r.status).toBe(2);
    for (const id of ids) expect(r.err).toContain(id);
  }, 60_000);
});
