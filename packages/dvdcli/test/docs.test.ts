import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { APPS, type App, blocks, dockerVolumes, PAGE } from './applications.ts';
import { DvdiModule, mountCommand, unmountCommand, volumesOf } from './dvdi-module.ts';
import { DockerVolumeIsolator, mountArgv, unmountArgv } from './mesos-isolator.ts';
import { bundleOn, Dvdcli, surroundings } from './program.ts';
import { Stranger } from './stranger.ts';

const COMMANDS = blocks('sh')
  .map((text) => text.trim().split('\n'))
  .filter((lines) => lines[0]?.startsWith('dvdcli mount'));

describe('docs/mesos.md', () => {
  let cleanup: Cleanup;
  let s: Stranger;
  let dvdcli: Dvdcli;
  let checkpoints: string;
  beforeEach(async () => {
    cleanup = new Cleanup();
    const around = surroundings(cleanup);
    s = new Stranger({ root: join(around.dir, 'volumes') });
    mkdirSync(around.sockets);
    await s.listen(join(around.sockets, 'rexray.sock'));
    cleanup.add(() => s.close());
    dvdcli = new Dvdcli(bundleOn(), around.env);
    checkpoints = join(around.dir, 'checkpoints');
  });
  afterEach(() => cleanup.run());

  it('has an application for each caller, and what each runs', () => {
    expect(APPS.map((a) => a.id)).toEqual(['hello-isolator', 'hello-play']);
    const [isolator, play] = APPS as [App, App];
    const volumes = dockerVolumes(isolator);
    expect(COMMANDS[0]).toEqual(
      volumes.flatMap((v) => [mountArgv(v), unmountArgv(v)]).map((a) => ['dvdcli', ...a].join(' ')),
    );
    const words = (command: string): string => command.trim().split(/ +/).join(' ');
    const externals = volumesOf(play.env ?? {});
    expect(COMMANDS[1]).toEqual(
      externals.flatMap((v) => [mountCommand(v, 'dvdcli'), unmountCommand(v, 'dvdcli')]).map(words),
    );
  });

  it('the application of the isolator, replayed', async () => {
    const agent = new DockerVolumeIsolator(dvdcli, checkpoints);
    const [path] = await agent.prepare('c', dockerVolumes(APPS[0] as App));
    expect(path).toMatch(/\/test12345\/data$/);
    expect(s.volumes.get('test12345')?.opts).toEqual({ size: '5', iops: '150', volumetype: 'io1' });
    await agent.cleanup('c');
    expect(s.volumes.get('test12345')?.mounts).toBe(0);
  });

  it('the application of the module, replayed', async () => {
    const module = new DvdiModule(dvdcli);
    const [path] = await module.prepare('t', (APPS[1] as App).env ?? {});
    expect(path).toMatch(/\/test12345\/data$/);
    expect(s.volumes.get('test12345')?.opts).toEqual({
      size: '5',
      iops: '150',
      volumetype: 'io1',
      newfstype: 'xfs',
      overwritefs: 'true',
    });
    expect(await module.cleanup('t')).toEqual(['unmounted']);
  });

  it('what it says of quoting, repetition and standard input', async () => {
    const [text = ''] = blocks('sh').filter((b) => b.startsWith('printf'));
    const r = await dvdcli.shell((program) => text.replace('dvdcli', program));
    expect(r.out.trim().split('\n')).toHaveLength(3);
    expect([...s.volumes].map(([name, v]) => [name, v.opts])).toEqual(
      ['db-1', 'db-2', 'db-3'].map((n) => [n, { size: '16' }]),
    );
    const option = /`(--volumeopts='o=[^`]+)`/.exec(PAGE)?.[1] ?? '';
    await dvdcli.shell((program) => `${program} create quoted ${option}`);
    await dvdcli.run(['create', 'repeated', '--volumeopts=o=addr=10.0.0.1', '--volumeopts=o=rw']);
    for (const name of ['quoted', 'repeated']) expect(s.volumes.get(name)?.opts).toEqual({ o: 'addr=10.0.0.1,rw' });
  });
});
