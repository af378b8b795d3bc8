export { type FakeContent, type FakeDisk, type FakeDiskSource, FakeDisks } from './fake/disk.ts';
export { FakeHost } from './fake/host.ts';
export {
  type CrashOptions,
  type FakeCall,
  type FakeDevice,
  FakeMachine,
  type FakeMachineOptions,
  type FakeMount,
} from './fake/machine.ts';
export { HOST_RULES, hostConformance } from './host/index.ts';
export type { Holding, HostConformanceOptions, HostRule, HostWorld } from './host/world.ts';
export { INTEGRATION_RULES, integrationConformance } from './integration/index.ts';
export type { IntegrationConformanceOptions, IntegrationRule, IntegrationWorld } from './integration/world.ts';
export { collectingRunner, type Outcome, type Runner, type TestContext } from './runner.ts';
export { STORAGE_RULES, storageConformance } from './storage/index.ts';
export type { StorageConformanceOptions, StorageNode, StorageRule, StorageWorld } from './storage/world.ts';
