import type { Integration } from './api.ts';
import type { Logger } from './context.ts';
import type { StorageDriver } from './driver.ts';
import type { Code } from './errors.ts';
import type { EventSource } from './events.ts';
import type { HostDriver } from './host.ts';
import type { Layer } from './layered.ts';
import type { LegacyFacet } from './legacy.ts';
import type { Schema } from './schema.ts';
import type { NodeStore } from './store.ts';
import type { ConfigToken, Token } from './token.ts';

/** Version of the plugin interface; a plugin with another one is refused by name. */
export const PLUGIN_API = 1;
export const CORE_VERSION = '0.1.0';

/** Constructor dependencies as data, checked against the constructor at compile time; only the runtime talks to the container. */
export type Deps<A extends readonly unknown[], C> = {
  readonly [K in keyof A]: Token<A[K]> | ([C] extends [A[K]] ? ConfigToken : never);
};

export type PluginKind = 'storage' | 'host' | 'store' | 'layer' | 'frontend';

interface Stamp<K extends PluginKind, N extends string> {
  readonly kind: K;
  readonly name: N;
  readonly aliases?: readonly string[];
  /** {@link PLUGIN_API} of the core that the plugin was built with. */
  readonly api: number;
  /** Version of that core. */
  readonly core: string;
  readonly deps: readonly symbol[];
}

// biome-ignore lint/suspicious/noExplicitAny: constructors of any driver fit here; definePlugin checked them against `deps`.
type AnyConstructor = new (...a: any[]) => unknown;

export interface StorageDefinition<N extends string = string> extends Stamp<'storage', N> {
  readonly config: Schema<unknown>;
  readonly params: Schema<unknown>;
  readonly driver: AnyConstructor;
  readonly classify?: (e: unknown) => Code | undefined;
  /** For clients of libStorage v1. */
  readonly legacy?: LegacyFacet;
}
export interface OtherDefinition<
  K extends Exclude<PluginKind, 'storage'> = Exclude<PluginKind, 'storage'>,
  N extends string = string,
> extends Stamp<K, N> {
  readonly config: Schema<unknown>;
  readonly create: AnyConstructor;
}

/** A service given by value: `ebs({ region })`. */
export interface ServiceSpec<P = unknown> {
  readonly plugin: StorageDefinition;
  readonly config: Readonly<Record<string, unknown>>;
  readonly __params?: P;
}

/** What a storage plugin's default export is: callable, and carrying its definition. */
export interface StoragePlugin<N extends string = string, C = unknown, P = unknown> {
  (config?: Partial<C>): ServiceSpec<P>;
  readonly plugin: StorageDefinition<N>;
  readonly types?: { readonly config: C; readonly params: P };
}
export interface OtherPlugin<K extends Exclude<PluginKind, 'storage'>, N extends string, C> {
  (config?: Partial<C>): { readonly plugin: OtherDefinition<K, N>; readonly config: Readonly<Record<string, unknown>> };
  readonly plugin: OtherDefinition<K, N>;
}

/** What a front end is given, and what it answers. */
export interface FrontendContext {
  readonly services: Readonly<Record<string, Integration>>;
  readonly defaultService: string | undefined;
  readonly events: EventSource;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}
export interface RunningFrontend {
  /** Where it listens, as URLs (`unix:///run/docker/plugins/rexray.sock`). */
  readonly addresses: readonly string[];
  health(): Promise<{ readonly ok: boolean; readonly detail?: string }>;
  /** Stops taking new calls, lets those in flight finish, removes its sockets. */
  close(): Promise<void>;
}
export interface Frontend {
  start(context: FrontendContext): Promise<RunningFrontend>;
}

interface Common<N extends string, C, A extends readonly unknown[]> {
  /** The name of the driver in a configuration file; the package is `@rexray/driver-<name>` or `rexray-driver-<name>`. */
  readonly name: N;
  readonly aliases?: readonly string[];
  readonly config: Schema<C>;
  readonly deps: Deps<A, NoInfer<C>>;
}
type Produces = { host: HostDriver; store: NodeStore; layer: { readonly layer: Layer }; frontend: Frontend };

/** Defines a plugin: its package's one default export. Stamps the interface version, so that an incompatible one is refused by name. */
export function definePlugin<const N extends string, K extends keyof Produces, C, A extends readonly unknown[]>(
  d: Common<N, C, A> & { readonly kind: K; readonly create: new (...a: A) => Produces[K] },
): OtherPlugin<K, N, C>;
// Last, because the compiler reports a mistake against the last overload: most plugins are storage drivers.
export function definePlugin<const N extends string, C, P, A extends readonly unknown[]>(
  d: Common<N, C, A> & {
    readonly kind: 'storage';
    readonly params: Schema<P>;
    readonly driver: new (...a: A) => StorageDriver<NoInfer<P>>;
    readonly classify?: (e: unknown) => Code | undefined;
    readonly legacy?: LegacyFacet;
  },
): StoragePlugin<N, C, P>;
export function definePlugin(d: object): unknown {
  const plugin = Object.freeze({ ...d, api: PLUGIN_API, core: CORE_VERSION });
  return Object.assign((config: Record<string, unknown> = {}) => ({ plugin, config }), { plugin });
}

/** Plugins merge themselves in here (`declare module '@rexray/core' { interface Drivers { ebs: typeof plugin } }`), so that `driver: 'ebs'` is typed. */
// biome-ignore lint/suspicious/noEmptyInterface: a type alias could not be merged into.
export interface Drivers {}
