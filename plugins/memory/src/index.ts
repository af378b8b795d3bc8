import { CONFIG, type Code, definePlugin, isCode, isVolumeError, type StoragePlugin } from '@rexray/core';
import { configSchema, type MemoryConfig, type MemoryParams, paramsSchema } from './config.ts';
import { MemoryDriver } from './driver.ts';

export { type HalfMade, MemoryBackend, type StoredSnapshot, type StoredVolume } from './backend.ts';
export type { MemoryConfig, MemoryParams } from './config.ts';
export type { DiskContent, DiskSource, MemoryDisk } from './disks.ts';
export { MemoryDriver } from './driver.ts';
export { type FaultOp, type FaultOptions, Faults, type Hang } from './faults.ts';

/** Errors made by us say their code; so may raw ones that a test put in as a fault. */
export function classify(e: unknown): Code | undefined {
  if (isVolumeError(e)) return e.code;
  const code = (e as { code?: unknown } | null)?.code;
  return isCode(code) ? code : undefined;
}

const plugin: StoragePlugin<'memory', MemoryConfig, MemoryParams> = definePlugin({
  kind: 'storage',
  name: 'memory',
  config: configSchema,
  params: paramsSchema,
  deps: [CONFIG],
  driver: MemoryDriver,
  classify,
});
export default plugin;

declare module '@rexray/core' {
  interface Drivers {
    memory: typeof plugin;
  }
}
