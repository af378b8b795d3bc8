import type { StorageDriver } from '@rexray/core';

/** What the process of a driver is told first; over the channel, never in its arguments, which every user of the machine can read. */
export interface DriverStart {
  readonly service: string;
  /** File of the plugin. */
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly libDir: string;
}

type Verb = Exclude<keyof StorageDriver, 'traits' | 'paramsSchema' | 'snapshots' | 'close'>;
const VERBS = {
  whoami: 'value',
  nodeOf: 'value',
  identity: 'value',
  list: 'value',
  get: 'value',
  find: 'value',
  create: 'value',
  remove: 'value',
  attach: 'value',
  detach: 'value',
  mark: 'value',
  expand: 'value',
  modify: 'value',
  capacity: 'value',
  clone: 'value',
  adopt: 'value',
  owner: 'value',
  requestRelease: 'value',
  sweep: 'value',
} as const satisfies Record<Verb, 'value'>;

/** Every verb of the driver interface that crosses the channel. */
export const DRIVER_SHAPE: Readonly<Record<string, 'value'>> = {
  ...VERBS,
  'snapshots.list': 'value',
  'snapshots.create': 'value',
  'snapshots.remove': 'value',
  'snapshots.restore': 'value',
};
