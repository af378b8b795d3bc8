import { CONFIG, definePlugin, type OtherPlugin } from '@rexray/core';
import { configSchema, type DockerConfig } from './config.ts';
import { DockerFrontend } from './frontend.ts';

export type { DockerConfig } from './config.ts';
export { createDockerPlugin, DockerFrontend } from './frontend.ts';

const plugin: OtherPlugin<'frontend', 'docker', DockerConfig> = definePlugin({
  kind: 'frontend',
  name: 'docker',
  config: configSchema,
  deps: [CONFIG],
  create: DockerFrontend,
});
export default plugin;
