import { CONFIG, type Code, definePlugin, isVolumeError, type StoragePlugin } from '@rexray/core';
import { configSchema, paramsSchema, type RemoteConfig, type RemoteParams } from './config.ts';
import { RemoteDriver } from './driver.ts';

export type { RemoteConfig, RemoteParams } from './config.ts';
export { RemoteDriver } from './driver.ts';

/** The server classified it, or the client did. */
export const classify = (e: unknown): Code | undefined => (isVolumeError(e) ? e.code : undefined);

const plugin: StoragePlugin<'remote', RemoteConfig, RemoteParams> = definePlugin({
  kind: 'storage',
  name: 'remote',
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG],
  driver: RemoteDriver,
  classify,
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    remote: typeof plugin;
  }
}
