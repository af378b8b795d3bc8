import type { Logger } from './context.ts';

/** A typed key of the container: a symbol at run time, `T` for the compiler. The phantom is required, so that no other symbol passes. */
export type Token<T> = symbol & { readonly __type: (x: T) => T };
/** Stands for the plugin's own validated configuration, whatever its type. */
export type ConfigToken = symbol & { readonly __config: true };

export const token = <T>(name: string): Token<T> => Symbol.for(`@rexray/${name}`) as Token<T>;

export const CONFIG = Symbol.for('@rexray/config') as ConfigToken;
export const LOGGER: Token<Logger> = token<Logger>('logger');
/** Name of the configured service that the driver serves. */
export const SERVICE: Token<string> = token<string>('service');
/** Directory for what the plugin keeps on this node (`<lib>/<driver>`); not made until used. */
export const LIB_DIR: Token<string> = token<string>('lib-dir');

/** What a store needs of Linux and Node lacks; the exports of `@rexray/kernel` fit, and the runtime provides them. */
export interface Descriptors {
  /** Children do not inherit `fd`. */
  setCloexec(fd: number): void;
  /** An exclusive `flock` of `fd`, at once or not at all; ends when the descriptor is closed. */
  tryLock(fd: number): boolean;
}
export const DESCRIPTORS: Token<Descriptors> = token<Descriptors>('descriptors');
