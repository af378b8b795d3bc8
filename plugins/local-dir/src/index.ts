import { CONFIG, definePlugin, LIB_DIR, LOGGER, type StoragePlugin } from '@rexray/core';
import { configSchema, type LocalDirConfig, type LocalDirParams, paramsSchema } from './config.ts';
import { LocalDirDriver } from './driver.ts';
import { classify } from './errors.ts';

export type { LocalDirConfig, LocalDirParams } from './config.ts';
export { LocalDirDriver } from './driver.ts';
export { classify } from './errors.ts';

const plugin: StoragePlugin<'local-dir', LocalDirConfig, LocalDirParams> = definePlugin({
  kind: 'storage',
  name: 'local-dir',
  aliases: ['vfs'],
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG, LOGGER, LIB_DIR],
  driver: LocalDirDriver,
  classify,
  // Nothing appears on the node: the directory is there, and there is nothing to wait for.
  legacy: {
    type: 'object',
    attachToken: () => '',
    deviceName: (v) => (typeof v.status.path === 'string' ? v.status.path : undefined),
  },
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    'local-dir': typeof plugin;
  }
}
