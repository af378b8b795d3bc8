import { VolumeError } from '@rexray/core';
import { nearest } from '@rexray/core/schema';
import { envNames, KEYS, keySpec, legacyKey, loadConfig } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { flagName } from '../flags/config-flags.ts';
import { print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';
import { driverSettings, learnSecrets, warn } from './config.ts';

/** One key, as the service (`-s`) or a module sees it. */
export async function explain(p: Plain<GlobalFlags & { module?: string }>, key: string): Promise<number> {
  const { io, printing, flags } = p;
  const config = await loadConfig(configOptions({ ...flags, service: undefined }, io));
  warn(io, printing, config);
  await learnSecrets(config);
  const at = { service: flags.service?.toLowerCase() ?? config.defaultService, module: flags.module?.toLowerCase() };
  const settings = await driverSettings(config);
  const spec = keySpec(key);
  const setting = settings.get(key.toLowerCase());
  const found = config.origin(setting?.key ?? key, at);
  const now = spec === undefined ? legacyKey(key) : undefined;
  if (spec === undefined && setting === undefined && now === undefined && found.source === 'unset')
    throw unknown(
      key,
      [...settings.values()].map((s) => s.key),
    );
  const fallback = spec?.default ?? setting?.default;
  const data = {
    key: found.key,
    value: found.source === 'unset' ? fallback : found.value,
    source: found.source === 'unset' && fallback !== undefined ? 'default' : found.source,
    where: found.source === 'unset' && fallback !== undefined ? 'default' : found.where,
    ...(found.scope !== undefined && { scope: found.scope }),
    ...(fallback !== undefined && { default: fallback }),
    meaning: spec?.meaning ?? setting?.meaning ?? (now === undefined ? 'a setting that no installed driver has' : ''),
    ...(now !== undefined && { now: now === '' ? 'nothing: it has no meaning any more' : now }),
    ...(spec !== undefined && { type: spec.type, since: spec.since }),
    ...(spec?.effect !== undefined && { effect: 'none: accepted, so that REX-Ray’s files load' }),
    environment: envNames(found.key),
    ...(!found.key.includes('<') && { flag: `--${flagName(found.key)}` }),
  };
  const text = (v: unknown): string =>
    Array.isArray(v) ? v.join(' ') : v === undefined ? '(unset)' : typeof v === 'string' ? v : JSON.stringify(v);
  const lines = Object.entries(data)
    .filter(([k, v]) => k !== 'source' && v !== '' && !(Array.isArray(v) && v.length === 0))
    .map(([k, v]) => `${`${LABELS[k] ?? k}:`.padEnd(13)}${text(v)}`);
  await print(io, printing, data, { lines });
  return 0;
}

const LABELS: Readonly<Record<string, string>> = { where: 'from', now: 'write now' };

function unknown(key: string, settings: readonly string[]): Error {
  const near = nearest(key, [...KEYS.map((k) => k.key), ...settings]);
  return new VolumeError('not_found', `"${key}" is not a key of the configuration.`, {
    details: { what: 'key', near },
    hint:
      near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : 'See "rexray config show --all", and docs/config.md for the settings of drivers.',
  });
}
