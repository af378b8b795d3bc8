import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROHIBITED, volumesOf } from './dvdi-module.ts';
import { mesosSuite } from './mesos-suite.ts';
import { bundleOn, Dvdcli, surroundings } from './program.ts';
import { Stranger } from './stranger.ts';

describe("Mesos over a stranger's plugin", () => {
  mesosSuite(async (cleanup) => {
    const around = surroundings(cleanup);
    const root = join(around.dir, 'volumes');
    const s = new Stranger({ root });
    mkdirSync(around.sockets);
    await s.listen(join(around.sockets, 'theirs.sock'));
    cleanup.add(() => s.close());
    return {
      driver: 'theirs',
      dvdcli: new Dvdcli(bundleOn(), around.env),
      dir: around.dir,
      mounted: () => [...s.volumes].filter(([, v]) => v.mounts > 0).map(([name]) => name),
      see: (path) => path,
      inside: [],
      hello: join(root, 'test12345/hello'),
      options: { size: '5', iops: '150', volumetype: 'io1', newfstype: 'xfs', overwritefs: 'true' },
    };
  });
});

describe('what mesos-module-dvdi takes from a task', () => {
  it('every prohibited character is refused before dvdcli is called', () => {
    for (const c of PROHIBITED)
      for (const key of ['NAME', 'DRIVER', 'OPTS', 'EXPLICITCREATE'])
        expect(() => volumesOf({ [`DVDI_VOLUME_${key}`]: `a${c}b` })).toThrow('prohibited');
    expect(() => volumesOf({ DVDI_VOLUME_NAME10: 'a' })).toThrow('not known');
  });
});
