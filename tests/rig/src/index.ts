export * from './cleanup.ts';
export * from './requires.ts';
export * from './runtimes.ts';
