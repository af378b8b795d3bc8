import { join } from 'node:path';
import type { Logger, Policy, StorageDefinition } from '@rexray/core';
import type { ConfiguredService, EffectiveConfig } from '../config/index.ts';
import { checkPlugin, createDriver, loadPlugin, pluginRoots, type RootsOptions } from '../plugins/index.ts';
import type { ServicePart } from './parts.ts';

export interface ServiceSurroundings extends RootsOptions {
  readonly logger: Logger;
  /** Hears what is odd in the configuration; default `logger`. */
  readonly told?: Logger;
  readonly policyOf: (service: ConfiguredService) => Policy;
}

/** Where a service's plugin came from: what another process needs to make the same driver. */
export interface LoadedService extends ServicePart {
  readonly definition: StorageDefinition;
  readonly config: Readonly<Record<string, unknown>>;
  /** The file of the plugin; absent where it was given by value. */
  readonly module?: string;
}

/**
 * Loads each service's plugin and makes its driver; nothing is spoken to yet.
 * @throws `invalid` (not installed, bad settings), `unsupported` (another plugin interface)
 */
export async function serviceParts(config: EffectiveConfig, o: ServiceSurroundings): Promise<readonly LoadedService[]> {
  const roots = pluginRoots(config, o);
  const loaded = await Promise.all(
    Object.values(config.services).map(async (s) => {
      const found = s.plugin === undefined ? await loadPlugin('storage', s.driver, roots, s.from) : undefined;
      const definition =
        found?.definition ??
        checkPlugin('storage', { default: { plugin: s.plugin } }, `the driver of service "${s.name}"`);
      return part(config, s, definition, found?.path, o);
    }),
  );
  for (const message of config.driverWarnings(loaded.map((l) => l.definition))) (o.told ?? o.logger).warn({}, message);
  return loaded;
}

function part(
  config: EffectiveConfig,
  s: ConfiguredService,
  definition: StorageDefinition,
  module: string | undefined,
  o: ServiceSurroundings,
): LoadedService {
  const settings = config.driverConfig(s.name, definition);
  const logger = o.logger;
  const { retryCount, retryWaitMs } = s.operations.mount;
  return {
    name: s.name,
    driverName: definition.name,
    driver: createDriver(definition, {
      service: s.name,
      config: settings,
      logger,
      libDir: join(config.paths.lib, definition.name),
    }),
    params: definition.params,
    ...(definition.legacy !== undefined && { legacy: definition.legacy }),
    ...(definition.classify !== undefined && { classify: definition.classify }),
    policy: o.policyOf(s),
    mountRetry: { count: retryCount, waitMs: retryWaitMs },
    definition,
    config: settings,
    ...(module !== undefined && { module }),
  };
}
