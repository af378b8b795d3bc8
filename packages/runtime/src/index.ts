import 'reflect-metadata/lite';

export * from '@rexray/core';
export {
  type Config,
  defineConfig,
  type FileForm,
  type NamedService,
  type OperationsConfig,
  type ServiceParams,
  type Services,
} from './config/index.ts';
export { type OpenOptions, openRexray, type Rexray } from './open.ts';
