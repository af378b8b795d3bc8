import { CONFIG, definePlugin, type StoragePlugin } from '@rexray/core';
import { configSchema, type EbsConfig, type EbsParams, paramsSchema } from './config.ts';
import { EbsDriver } from './driver.ts';
import { classify } from './errors.ts';
import { legacy } from './legacy.ts';

export { type ActionCount, AWS_DEFAULTS } from './buckets.ts';
export type { Clock } from './clock.ts';
export type { EbsConfig, EbsParams } from './config.ts';
export { EbsDriver, type Outside } from './driver.ts';
export { ACTIONS, type Action, type Ec2 } from './ec2.ts';
export { classify } from './errors.ts';
export { LIMITS, VOLUME_TYPES } from './limits.ts';
export type { FarSnapshot } from './snapshot-copy.ts';

const plugin: StoragePlugin<'ebs', EbsConfig, EbsParams> = definePlugin({
  kind: 'storage',
  name: 'ebs',
  aliases: ['aws', 'ec2'],
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG],
  driver: EbsDriver,
  classify,
  legacy,
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    ebs: typeof plugin;
  }
}
