export { DRIVER_ALIASES, driverName, OUR_DRIVERS, REXRAY_DRIVERS, sectionNames } from './aliases.ts';
export { somebodyAnswers } from './answering.ts';
export {
  type Config,
  type DriverConfig,
  type Duration,
  defineConfig,
  type FileForm,
  type ModuleSettings,
  type NamedService,
  type OperationsConfig,
  type ServiceParams,
  type Services,
} from './define.ts';
export type { ConfiguredService, EffectiveConfig } from './effective.ts';
export { envNames, KEYS, type Key, type KeySpec, keySpec } from './keys.ts';
export { LEGACY_KEYS, legacyKey } from './legacy.ts';
export { configOf, type LoadOptions, loadConfig } from './load.ts';
export { defaultModule, type ModuleConfig } from './modules.ts';
export type { Operations } from './operations.ts';
export { makePlaces, type Paths, placesOf } from './places.ts';
export type { At, Explained, Source } from './reader.ts';
export type { ClientSettings, EndpointSettings, ServerSettings, TokenSettings } from './server.ts';
export type { TlsSettings } from './tls.ts';
export { assertTrusted, distrust } from './trust.ts';
export type { LogLevel } from './values.ts';
