import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
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
      hello: (name) => join(root, name, 'hello'),
      options: { size: '5', iops: '150', volumetype: 'io1', newfstype: 'xfs', overwritefs: 'true' },
    };
  });
});
