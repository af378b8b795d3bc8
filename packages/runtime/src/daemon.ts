/** What a daemon is made of, beside `openRexray`: a host and a state that outlive one configuration, and front ends by name. */
import 'reflect-metadata/lite';
import { join } from 'node:path';
import { type Frontend, type Logger, silentLogger } from '@rexray/core';
import type { Schema } from '@rexray/core/schema';
import type { EffectiveConfig } from './config/index.ts';
import { serviceParts } from './engine/services.ts';
import { policyOf } from './open.ts';
import { createPlugin, type InstalledPlugin, listInstalled, loadPlugin, pluginRoots } from './plugins/index.ts';

export { hostSettings, openHost, openStore } from './engine/places.ts';
export { type Examination, examine } from './examine.ts';
export { WATCH_LOCK } from './watcher/spec.ts';

/** A front end that was found, with its own settings still to be given. */
export interface LoadedFrontend {
  readonly package: string;
  /** Schema of its settings. */
  readonly config: Schema<unknown>;
  create(settings: Readonly<Record<string, unknown>>): Frontend;
}

/**
 * Finds the front end of a module.
 * @param from the key that names it, for errors
 * @throws VolumeError `invalid` (not installed, with the command that installs it), `unsupported`, `denied` (S23)
 */
export async function loadFrontend(
  config: EffectiveConfig,
  module: { readonly name: string; readonly type: string },
  logger: Logger,
  from = `rexray.modules.${module.name}.type`,
): Promise<LoadedFrontend> {
  const { definition, package: pkg } = await loadPlugin('frontend', module.type, pluginRoots(config), from);
  return {
    package: pkg,
    config: definition.config,
    create: (settings) =>
      createPlugin<Frontend>(definition, {
        service: `module ${module.name}`,
        config: settings,
        logger,
        libDir: join(config.paths.lib, `frontend-${definition.name}`),
      }),
  };
}

/** Every plugin that this configuration would find, of all kinds; loads none of them. */
export const installedPlugins = (config: EffectiveConfig): readonly InstalledPlugin[] =>
  listInstalled(pluginRoots(config));

/** Whether a front end is installed; loads nothing. */
export const frontendInstalled = (config: EffectiveConfig, type: string): boolean =>
  listInstalled(pluginRoots(config), 'frontend').some((p) => p.name === type);

/** What a configuration's services are made of: driver, settings, schemas. */
export interface CheckedService {
  readonly name: string;
  readonly driver: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** JSON Schemas of the driver's settings and per-volume options. */
  readonly schemas: readonly Record<string, unknown>[];
}

export interface Checked {
  readonly services: readonly CheckedService[];
  /** Settings that a driver does not have, sections of drivers that are not installed. */
  readonly warnings: readonly string[];
}

/**
 * Loads every driver and validates its settings; speaks to no storage. The drivers made here say nothing: what they might
 * say could hold what only their schemas call a secret.
 * @throws VolumeError `invalid`, `unsupported`, `denied`
 */
export async function checkServices(config: EffectiveConfig): Promise<Checked> {
  const parts = await serviceParts(config, { logger: silentLogger, policyOf: (s) => policyOf(config, s) });
  return {
    services: parts.map((p) => ({
      name: p.name,
      driver: p.driverName,
      config: p.config,
      schemas: [p.definition.config, p.definition.params].map((s) => s['~standard'].jsonSchema.input()),
    })),
    warnings: config.driverWarnings(parts.map((p) => p.definition)),
  };
}
