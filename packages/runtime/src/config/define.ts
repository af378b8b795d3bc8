/** Types of a configuration in code, and `defineConfig`, which checks one. */
import type { Drivers, FsType, ServiceSpec, Size } from '@rexray/core';
import type { LogLevel } from './values.ts';

/** A duration as Go and REX-Ray write it. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h'}`;

/** `libstorage.integration.volume.operations`; what is left out has its documented default. */
export interface OperationsConfig {
  readonly create?: {
    readonly disable?: boolean;
    readonly implicit?: boolean;
    readonly default?: {
      readonly size?: Size;
      readonly iops?: number;
      readonly type?: string;
      readonly fsType?: FsType;
      readonly availabilityZone?: string;
    };
  };
  readonly remove?: { readonly disable?: boolean; readonly force?: boolean };
  readonly mount?: {
    readonly preempt?: boolean;
    readonly path?: string;
    readonly rootPath?: string;
    readonly retryCount?: number;
    readonly retryWait?: Duration;
  };
  readonly unmount?: { readonly ignoreUsedCount?: boolean };
  readonly path?: { readonly cache?: { readonly enabled?: boolean; readonly async?: boolean } };
}

export interface ModuleSettings {
  readonly type?: string;
  readonly host?: string;
  readonly desc?: string;
  readonly disabled?: boolean;
  readonly [setting: string]: unknown;
}

/** A service by the name of its driver, which is loaded when the runtime opens. */
export interface NamedService {
  readonly driver: string;
  readonly config?: object;
  readonly operations?: OperationsConfig;
}
// biome-ignore lint/suspicious/noExplicitAny: a service of any driver; its own parameters are kept by inference.
export type Services = Readonly<Record<string, NamedService | ServiceSpec<any>>>;

type TypesOf<D> = D extends keyof Drivers
  ? Drivers[D] extends { readonly types?: infer T }
    ? NonNullable<T>
    : unknown
  : unknown;
/** Settings of a driver whose package is imported somewhere (it merges itself into `Drivers`); any for others. */
export type DriverConfig<D> =
  TypesOf<D> extends { readonly config: infer C } ? Partial<C> : Readonly<Record<string, unknown>>;
/** Per-volume options of a service. */
export type ServiceParams<S> =
  S extends ServiceSpec<infer P>
    ? P
    : S extends { readonly driver: infer D }
      ? TypesOf<D> extends { readonly params: infer P }
        ? P
        : unknown
      : unknown;

/** Settings are inferred as they are written, which allows extra ones: those that the driver lacks become `never`. */
type Exactly<T, Written> = { readonly [K in keyof Written]: K extends keyof T ? T[K] : never };
/** Checks one service against its driver's own types. */
type Checked<S> =
  S extends ServiceSpec<infer _P>
    ? S
    : S extends { readonly driver: infer D extends string }
      ? {
          readonly driver: D;
          readonly config?: S extends { readonly config: infer C } ? Exactly<DriverConfig<D>, C> : DriverConfig<D>;
          readonly operations?: OperationsConfig;
        }
      : NamedService;

/** A whole configuration by value. */
export interface Config<S extends Services = Services> {
  readonly services: { readonly [K in keyof S]: Checked<S[K]> };
  /** Which service is meant when none is named; with one service, that one. */
  readonly defaultService?: (keyof S & string) | undefined;
  readonly operations?: OperationsConfig | undefined;
  readonly modules?: Readonly<Record<string, ModuleSettings>> | undefined;
  readonly node?:
    | { readonly id?: string; readonly mountNamespace?: string; readonly pathsTranslated?: boolean }
    | undefined;
  /** Directories below which a server may tell this node to use files. */
  readonly allowRoots?: readonly string[] | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly linux?: { readonly volume?: { readonly filemode?: number; readonly rootpath?: string } } | undefined;
  /** Moves every path, like REXRAY_HOME: `etc`, `var/lib`, `var/log`, `var/run` below it. */
  readonly home?: string | undefined;
}

/** Where the configuration comes from when it is not given: files. `services` in it would be a mistake, hence `never`. */
export interface FileForm {
  /** One file instead of those of the operator and the user. */
  readonly config?: string | undefined;
  readonly services?: never;
}

/** The default export of `rexray.config.ts`: checks names, drivers and settings, and gives the same object back. */
export function defineConfig<const S extends Services>(
  config: Config<S> & { readonly services: S },
): Config<S> & { readonly services: S } {
  return config;
}
