export * from './cleanup.ts';
export * from './requires.ts';
