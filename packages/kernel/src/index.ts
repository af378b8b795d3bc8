/** The few Linux calls that Node lacks, as small typed functions. Numbers are those of x86-64 and arm64 (asm-generic). */
export * from './errors.ts';
export * from './file.ts';
export * from './filesystem.ts';
export * from './loop.ts';
export * from './mount.ts';
export * from './open.ts';
