import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDockerPlugin } from '@rexray/frontend-docker';
import { type Cleanup, EXT4, suite } from '@rexray/rig';
import { openRexray, silentLogger } from '@rexray/runtime';
import { startDaemon } from './daemon.ts';
import { mesosSuite, type World } from './mesos-suite.ts';
import { bundleOn, Dvdcli, fromSources, type Program, surroundings } from './program.ts';

/** Mounts below a directory, by the name of the volume. */
const mountedBelow = (dir: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((t) => t.startsWith(`${dir}/`))
    .map((t) => t.slice(dir.length + 1));

const loopsBelow = (dir: string): string[] =>
  readdirSync('/sys/block').flatMap((d) => {
    try {
      const file = readFileSync(`/sys/block/${d}/loop/backing_file`, 'utf8').trim();
      return file.startsWith(dir) ? [file] : [];
    } catch {
      return [];
    }
  });

const CONFIG = (images: string): string => `
rexray:
  # The tests may run in a mount namespace of their own.
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

/** The seed's machine below a temporary directory: <root>/var/lib/rexray/volumes, real loop devices. */
function machine(
  cleanup: Cleanup,
  program: Program,
): World & { readonly home: string; readonly images: string; readonly sockets: string } {
  const { dir, home, sockets, env } = surroundings(cleanup);
  const lib = join(home, 'var/lib/rexray');
  const images = join(dir, 'images');
  for (const d of [sockets, join(home, 'etc')]) mkdirSync(d, { recursive: true });
  writeFileSync(join(home, 'etc/config.yml'), CONFIG(images));
  const volumes = join(lib, 'volumes');
  return {
    driver: 'rexray',
    dvdcli: new Dvdcli(program, { ...env, REXRAY_HOME_LIB: lib }),
    dir,
    home,
    images,
    sockets,
    mounted: () => [...mountedBelow(volumes), ...(mountedBelow(volumes).length === 0 ? loopsBelow(images) : [])],
    hello: (name) => join(volumes, name, 'hello'),
    options: { size: '64MiB', iops: '150', volumetype: 'io1', newfstype: 'ext4', overwritefs: 'true' },
  };
}
const NEEDS = { root: true, loop: true, programs: EXT4 } as const;

suite('Mesos, in this process', NEEDS, () => {
  mesosSuite(async (cleanup) => machine(cleanup, fromSources));
});

suite('Mesos, over our own daemon', NEEDS, () => {
  mesosSuite(async (cleanup) => {
    const world = machine(cleanup, fromSources);
    await startDaemon(cleanup, world.home);
    return world;
  });
});

suite('Mesos, over our own Docker plugin', NEEDS, () => {
  mesosSuite(async (cleanup) => {
    const world = machine(cleanup, bundleOn());
    const { default: localLoop } = await import('@rexray/driver-local-loop');
    const rex = await openRexray({
      home: world.home,
      node: { mountNamespace: '/proc/self' },
      services: { loop: localLoop({ volumePath: world.images }) },
      operations: { unmount: { ignoreUsedCount: true }, mount: { path: join(world.home, 'var/lib/rexray/volumes') } },
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
      { host: `unix://${join(world.sockets, 'rexray.sock')}` },
    );
    cleanup.add(() => plugin.close());
    return world;
  });
});
