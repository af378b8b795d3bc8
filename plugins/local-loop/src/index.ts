import { CONFIG, definePlugin, LIB_DIR, type StoragePlugin } from '@rexray/core';
import { configSchema, type LocalLoopConfig, type LocalLoopParams, paramsSchema } from './config.ts';
import { LocalLoopDriver } from './driver.ts';
import { classify } from './errors.ts';

export type { LocalLoopConfig, LocalLoopParams } from './config.ts';
export { LocalLoopDriver } from './driver.ts';
export { classify } from './errors.ts';

const plugin: StoragePlugin<'local-loop', LocalLoopConfig, LocalLoopParams> = definePlugin({
  kind: 'storage',
  name: 'local-loop',
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG, LIB_DIR],
  driver: LocalLoopDriver,
  classify,
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    'local-loop': typeof plugin;
  }
}
