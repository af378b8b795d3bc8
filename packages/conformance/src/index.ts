export { collectingRunner, type Outcome, type Runner, type TestContext } from './runner.ts';
export { STORAGE_RULES, storageConformance } from './storage/index.ts';
export type { StorageConformanceOptions, StorageNode, StorageRule, StorageWorld } from './storage/world.ts';
