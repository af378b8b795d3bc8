/** The volume plugin for Docker over image files. Without arguments it shows itself and ends; with --serve it stays. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import localLoop from '@rexray/driver-local-loop';
import { createDockerPlugin } from '@rexray/frontend-docker';
import { openRexray } from '@rexray/runtime';
import { dockerRun, type MarathonApp } from './marathon.ts';

const serve = process.argv.includes('--serve');
const home = process.env.REXRAY_HOME;
const host = serve || home === undefined ? 'unix:///run/docker/plugins/rexray.sock' : `unix://${home}/rexray.sock`;
const engine = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';

const app = JSON.parse(readFileSync(new URL('../marathon.json', import.meta.url), 'utf8')) as MarathonApp;
const sandbox = join(home ?? '/tmp', 'sandbox');
mkdirSync(sandbox, { recursive: true });
const argv = dockerRun(app, {
  engine,
  taskId: 'nginx.1',
  containerName: 'mesos-nginx.1',
  sandbox,
  hostname: 'agent-1',
  ports: [31_080],
});

const rex = await openRexray({ services: { loop: localLoop() } });
const plugin = await createDockerPlugin(
  {
    services: { loop: rex.service('loop') },
    defaultService: 'loop',
    events: rex.events,
    logger: {
      debug() {},
      info() {},
      warn: (_fields, message) => console.error(message),
      error: (_fields, message) => console.error(message),
    },
    signal: new AbortController().signal,
  },
  { host },
);
console.log(`The volume plugin listens on ${plugin.addresses.join(', ')}. Try:`);
console.log('  docker volume create -d rexray -o size=1GiB -o newFsType=ext4 data');
console.log('  docker compose up');
console.log('Mesos runs the application of marathon.json like this:');
console.log(`  ${argv.join(' ')}`);
if (serve) await new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
await plugin.close();
await rex.close();
