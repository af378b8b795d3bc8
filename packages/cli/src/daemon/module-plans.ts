import { VolumeError } from '@rexray/core';
import type { Schema } from '@rexray/core/schema';
import { defaultModule, type EffectiveConfig, type ModuleConfig } from '@rexray/runtime/config';
import { frontendInstalled } from '@rexray/runtime/daemon';
import { apiSettings } from './api-settings.ts';

/** The daemon's own module: the interface that commands and programs use. */
export const API_MODULE = 'the daemon’s own interface';

/** A module that shall run: what is compared when the configuration is read again. */
export interface ModulePlan extends Pick<ModuleConfig, 'name' | 'type' | 'host' | 'settings' | 'service'> {
  /** The daemon's own: not from the configuration. */
  readonly own?: true;
}

/**
 * The modules that shall run, the daemon's own first.
 * @throws VolumeError `invalid` where two listen on one address
 */
export function modulePlans(config: EffectiveConfig, warn: (message: string) => void): readonly ModulePlan[] {
  const written = Object.values(config.modules).filter((m) => !m.disabled);
  const own: ModulePlan = {
    name: API_MODULE,
    type: 'rest',
    host: `unix://${config.paths.run}/rexray.sock`,
    settings: apiSettings(config.server),
    own: true,
  };
  const plans = [own, ...(Object.keys(config.modules).length === 0 ? byDefault(config, warn) : written)];
  assertApart(plans);
  return plans;
}

/** No modules at all: Docker's plugin, where it is installed. */
function byDefault(config: EffectiveConfig, warn: (message: string) => void): readonly ModulePlan[] {
  const unasked = defaultModule(config.defaultService);
  if (process.geteuid?.() !== 0) {
    warn(`No module is configured (rexray.modules), and the default, Docker’s plugin on ${unasked.host}, needs root.`);
    return [];
  }
  if (frontendInstalled(config, 'docker')) return [unasked];
  warn(
    'No module is configured (rexray.modules), and @rexray/frontend-docker, which would be the default, is not installed: only the rexray command and programs are served.',
  );
  return [];
}

function assertApart(plans: readonly ModulePlan[]): void {
  const seen = new Map<string, string>();
  for (const { name, host } of plans) {
    if (host === undefined) continue;
    const at = host.replace(/^unix:\/\//, '').replace(/\/+/g, '/');
    const other = seen.get(at);
    if (other !== undefined)
      throw new VolumeError('invalid', `Module "${name}" and ${quoted(other)} both listen on ${host}.`, {
        details: { path: `rexray.modules.${name}.host`, value: host, expected: 'an address of its own' },
        hint: 'Give each module a host of its own.',
      });
    seen.set(at, name);
  }
}
const quoted = (name: string): string => (name === API_MODULE ? name : `module "${name}"`);

/**
 * Settings of a module for the schema of its front end: keys in any case, and `host` under the name that the front end
 * has for where it listens.
 * @throws VolumeError `invalid`
 */
export function settingsOf(m: ModulePlan, schema: Schema<unknown>): Record<string, unknown> {
  const known = Object.keys((schema['~standard'].jsonSchema.input().properties as object | undefined) ?? {});
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(m.settings))
    out[known.find((k) => k.toLowerCase() === key.toLowerCase()) ?? key] = value;
  if (m.host === undefined) return out;
  if (known.includes('host')) return { ...out, host: m.host };
  const path = /^(?:unix:\/\/)?(\/.*)$/.exec(m.host)?.[1];
  if (known.includes('socket') && path !== undefined) return { ...out, socket: path };
  throw new VolumeError('invalid', `Module "${m.name}" (${m.type}) cannot listen on ${m.host}.`, {
    details: {
      path: `rexray.modules.${m.name}.host`,
      value: m.host,
      expected: known.includes('socket') ? 'unix:///path/of/a.sock' : 'no host',
    },
    hint: known.includes('socket') ? 'It listens on unix sockets only.' : 'This front end does not listen anywhere.',
  });
}
