import { CONFIG, definePlugin, LIB_DIR, LOGGER, type StoragePlugin } from '@rexray/core';
import { configSchema, paramsSchema, type VirtualBoxConfig, type VirtualBoxParams } from './config.ts';
import { VirtualBoxDriver } from './driver.ts';
import { classify } from './errors.ts';

export type { VirtualBoxConfig, VirtualBoxParams } from './config.ts';
export { VirtualBoxDriver } from './driver.ts';
export { classify, VboxError } from './errors.ts';

const plugin: StoragePlugin<'virtualbox', VirtualBoxConfig, VirtualBoxParams> = definePlugin({
  kind: 'storage',
  name: 'virtualbox',
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG, LOGGER, LIB_DIR],
  driver: VirtualBoxDriver,
  classify,
  // REX-Ray's: disks of a guest are known by the first part of the UUID of their medium.
  legacy: { type: 'block', attachToken: (v) => v.id.slice(0, 8).toLowerCase() },
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    virtualbox: typeof plugin;
  }
}
