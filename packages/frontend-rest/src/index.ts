import { CONFIG, definePlugin, type OtherPlugin } from '@rexray/core';
import { configSchema, type RestConfig } from './config.ts';
import { RestFrontend } from './frontend.ts';

export type { RestConfig } from './config.ts';
export { createRestServer, RestFrontend, type RestSettings } from './frontend.ts';
export { openApi } from './openapi.ts';

const plugin: OtherPlugin<'frontend', 'rest', RestConfig> = definePlugin({
  kind: 'frontend',
  name: 'rest',
  config: configSchema,
  deps: [CONFIG],
  create: RestFrontend,
});
export default plugin;
