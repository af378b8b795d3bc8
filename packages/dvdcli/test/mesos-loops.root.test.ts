import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDockerPlugin } from '@rexray/frontend-docker';
import { type Cleanup, EXT4, loopsBelow, suite, XFS } from '@rexray/rig';
import { openRexray, silentLogger } from '@rexray/runtime';
import { startDaemon } from './daemon.ts';
import { type Machine, newMachine, thisMachine } from './machine.ts';
import { mesosSuite, type World } from './mesos-suite.ts';
import { bundleOn, Dvdcli, fromSources, type Program, surroundings } from './program.ts';

const CONFIG = (images: string): string => `
rexray:
  node: { mountNamespace: /proc/self }
  modules:
    # One module that is not Docker's: nothing of this machine's plugin directory is touched.
    spare: { type: rest, host: 'unix://${images}.sock' }
libstorage:
  service: local-loop
  integration:
    volume:
      operations:
        unmount: { ignoreUsedCount: true }
local-loop:
  volumePath: ${images}
`;

/** dvdcli on a machine, and real loop devices. */
function world(
  cleanup: Cleanup,
  program: Program,
  at: (dir: string) => Machine,
): World & { readonly home: string; readonly lib: string; readonly images: string; readonly sockets: string } {
  const { dir, home, sockets, env } = surroundings(cleanup);
  const machine = at(dir);
  const { lib, inside } = machine;
  const images = join(dir, 'images');
  for (const d of [sockets, join(home, 'etc')]) mkdirSync(d, { recursive: true });
  writeFileSync(join(home, 'etc/config.yml'), CONFIG(images));
  const [file = '', ...args] = [...inside, program.file, ...program.args];
  const volumes = join(lib, 'volumes');
  // Before the directory goes: what looks after claims writes into it.
  cleanup.add(() => machine.quiet());
  return {
    ...machine,
    driver: 'rexray',
    dvdcli: new Dvdcli({ file, args }, { ...env, REXRAY_HOME_LIB: lib }),
    dir,
    home,
    images,
    sockets,
    mounted() {
      const mounts = machine.mountsBelow(volumes);
      return mounts.length > 0 ? mounts : loopsBelow(images);
    },
    hello: join(volumes, 'test12345/hello'),
    options: { size: '64MiB', iops: '150', volumetype: 'io1', newfstype: 'ext4', overwritefs: 'true' },
  };
}
const NEEDS = { root: true, loop: true, namespaces: true, programs: { ...EXT4, ...XFS } } as const;

suite('Mesos, in this process', NEEDS, () => {
  mesosSuite(async (cleanup) => {
    const machine = await newMachine(cleanup);
    return world(cleanup, fromSources, () => machine);
  });
});

suite('Mesos, over our own daemon', NEEDS, () => {
  mesosSuite(async (cleanup) => {
    const machine = await newMachine(cleanup);
    const w = world(cleanup, fromSources, () => machine);
    await startDaemon(cleanup, w);
    return w;
  });
});

suite('Mesos, over our own Docker plugin', NEEDS, () => {
  mesosSuite(async (cleanup) => {
    const w = world(cleanup, bundleOn(), (dir) => thisMachine(join(dir, 'home/var/lib/rexray')));
    const { default: localLoop } = await import('@rexray/driver-local-loop');
    const rex = await openRexray({
      home: w.home,
      node: { mountNamespace: '/proc/self' },
      services: { loop: localLoop({ volumePath: w.images }) },
      operations: { unmount: { ignoreUsedCount: true }, mount: { path: join(w.lib, 'volumes') } },
    });
    cleanup.add(() => rex.close());
    const stop = new AbortController();
    const plugin = await createDockerPlugin(
      {
        services: { loop: rex.service('loop').integration },
        defaultService: 'loop',
        events: rex.events,
        logger: silentLogger,
        signal: stop.signal,
      },
      { host: `unix://${join(w.sockets, 'rexray.sock')}` },
    );
    cleanup.add(() => plugin.close());
    return w;
  });
});
