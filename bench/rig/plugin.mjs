/** The volume plugin in a process of its own: `node plugin.mjs <root> <socket>`; says its memory on SIGUSR2. */
import { join } from 'node:path';

const [, , root, socket] = process.argv;
const { openRexray } = await import('@rexray/runtime');
const { default: localLoop } = await import('@rexray/driver-local-loop');
const { createDockerPlugin } = await import('@rexray/frontend-docker');
const rex = await openRexray({ home: root, services: { loop: localLoop({ volumePath: join(root, 'images') }) } });
const quiet = { debug() {}, info() {}, warn() {}, error: (_f, m) => console.error(m) };
const plugin = await createDockerPlugin(
  {
    services: { loop: rex.service('loop').integration },
    defaultService: 'loop',
    events: rex.events,
    logger: quiet,
    signal: new AbortController().signal,
  },
  { host: `unix://${socket}` },
);
process.on('SIGUSR2', () => process.stdout.write(`${Math.round(process.memoryUsage.rss() / 2 ** 20)}\n`));
process.once('SIGTERM', async () => {
  await plugin.close();
  await rex.close();
});
