/** The volume plugin as a daemon runs it: the host in a worker process, calls finished at SIGTERM, mounts kept. */
import { appendFileSync } from 'node:fs';
import localLoop from '@rexray/driver-local-loop';
import { createDockerPlugin, type DockerConfig } from '@rexray/frontend-docker';
import { type OperationsConfig, openRexray } from '@rexray/runtime';

export interface PluginStart {
  readonly home: string;
  readonly images: string;
  readonly shared?: boolean;
  readonly nodeId: string;
  readonly operations?: OperationsConfig;
  readonly sockets: readonly (Partial<DockerConfig> & { readonly host: string })[];
}

const start = JSON.parse(process.argv[2] ?? '{}') as PluginStart;
const line =
  (level: string) =>
  (fields: object, message: string): void => {
    if (level !== 'debug') appendFileSync(1, `${level} ${message} ${JSON.stringify(fields)}\n`);
  };
const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
const stop = new AbortController();
const rex = await openRexray({
  home: start.home,
  node: { id: start.nodeId, mountNamespace: '/proc/self' },
  services: { loop: localLoop({ volumePath: start.images, shared: start.shared === true }) },
  ...(start.operations !== undefined && { operations: start.operations }),
  host: 'worker',
  logger,
});
const context = {
  services: { loop: rex.service('loop').integration },
  defaultService: 'loop',
  events: rex.events,
  logger,
  signal: stop.signal,
};
const plugins = await Promise.all(start.sockets.map((s) => createDockerPlugin(context, s)));
logger.info({ ms: Math.round(performance.now()) }, 'ready');
process.once('SIGTERM', () => {
  void (async () => {
    await Promise.all(plugins.map((p) => p.close()));
    await rex.close();
    process.exit(0);
  })();
});
