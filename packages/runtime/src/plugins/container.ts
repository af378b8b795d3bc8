/** The only place that talks to the container. One child container per configured plugin; the global one stays empty. */
import 'reflect-metadata/lite';
import {
  CONFIG,
  LIB_DIR,
  LOGGER,
  type Logger,
  type OtherDefinition,
  SERVICE,
  type StorageDefinition,
  type StorageDriver,
  type Token,
  VolumeError,
} from '@rexray/core';
import { parse } from '@rexray/core/schema';
import { container, type DependencyContainer } from 'tsyringe';

/** A value under a token; {@link provide} checks that they fit. */
export interface Provided {
  readonly token: symbol;
  readonly value: unknown;
}
export const provide = <T>(token: Token<T>, value: T): Provided => ({ token, value });

export interface PluginSurroundings {
  /** Name of the configured service, module, store …: what errors and logs call it. */
  readonly service: string;
  /** Raw settings, validated here by the plugin's own schema. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly logger: Logger;
  /** `<lib>/<driver>` */
  readonly libDir: string;
  readonly extra?: readonly Provided[];
}

/**
 * Makes the driver of one service: settings validated and completed by its schema, constructor arguments by its `deps`.
 * @throws VolumeError `invalid`: a setting (path and what is expected), a token that nobody provides
 */
export function createDriver(definition: StorageDefinition, o: PluginSurroundings): StorageDriver {
  return construct(definition, definition.driver, o) as StorageDriver;
}

/** The same for hosts, stores, layers and front ends; `T` is what that kind makes (core's `definePlugin` checked it). */
export function createPlugin<T>(definition: OtherDefinition, o: PluginSurroundings): T {
  return construct(definition, definition.create, o) as T;
}

type Definition = Pick<StorageDefinition, 'name' | 'config' | 'deps'>;

function construct(definition: Definition, Made: StorageDefinition['driver'], o: PluginSurroundings): unknown {
  const config = parse(definition.config, o.config, `service "${o.service}" (${definition.name})`);
  const child = container.createChildContainer();
  const values: readonly Provided[] = [
    { token: CONFIG, value: config },
    provide(LOGGER, o.logger),
    provide(SERVICE, o.service),
    provide(LIB_DIR, o.libDir),
    ...(o.extra ?? []),
  ];
  for (const { token, value } of values) child.register(token, { useValue: value });
  return new Made(...definition.deps.map((token) => resolved(child, token, definition, o.service)));
}

function resolved(child: DependencyContainer, token: symbol, { name }: Definition, service: string): unknown {
  if (typeof token === 'symbol' && child.isRegistered(token)) return child.resolve(token);
  throw new VolumeError(
    'invalid',
    `"${name}" of service "${service}" needs ${String(token)}, which this runtime does not provide.`,
    {
      details: { path: `${name}.deps`, value: String(token), expected: 'tokens of @rexray/core' },
      hint: 'Update @rexray/runtime, or remove the dependency from the plugin.',
    },
  );
}
