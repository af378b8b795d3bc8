export * from './certificates.ts';
export * from './cleanup.ts';
export * from './engines/index.ts';
export * from './file-system.ts';
export * from './moto.ts';
export * from './node-process.ts';
export * from './requires.ts';
export * from './runtimes.ts';
