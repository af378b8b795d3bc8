import { CONFIG, definePlugin, LOGGER } from '@rexray/core';
import { hostConfig } from './config.ts';
import { LinuxHost } from './host.ts';

export { boundImages } from './bound.ts';
export { type ChildOptions, type ChildResult, runChild } from './child.ts';
export { type HostConfig, hostConfig } from './config.ts';
export { descriptors } from './descriptors.ts';
export { LinuxHost } from './host.ts';
export { mountOptions } from './mount/options.ts';
export { parseMountinfo } from './proc/mountinfo.ts';
export type { PoolOptions } from './worker/pool.ts';
export { WorkerHost } from './worker-host.ts';

/** The Linux host: devices, file systems and mounts of this machine. */
export default definePlugin({
  kind: 'host',
  name: 'linux',
  config: hostConfig,
  deps: [CONFIG, LOGGER],
  create: LinuxHost,
});
