import { isVolumeError } from '@rexray/core';
import { type EffectiveConfig, type Explained, loadConfig } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import type { Io } from '../io.ts';
import { type Column, forPeople, type Printing, print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';
import { colours } from '../terminal/style.ts';

const text = (v: unknown): string => (v === undefined ? '' : typeof v === 'string' ? v : JSON.stringify(v));
const ENTRY: readonly Column<Explained>[] = [
  { head: 'Key', cell: (e) => e.key, gives: 1 },
  { head: 'Value', cell: (e) => text(e.value), gives: 2 },
  { head: 'From', cell: (e) => e.where, gives: 3 },
];

/** What is in force, and where each value comes from. Secrets are hidden. */
export async function show({ io, printing, flags: o }: Plain<GlobalFlags & { all?: boolean }>): Promise<number> {
  const config = await loadConfig(configOptions(o, io));
  warn(io, printing, config);
  await learnSecrets(config);
  const entries = config.entries().filter((e) => o.all === true || (e.source !== 'unset' && e.source !== 'default'));
  const data = entries.map(({ key, value, source, where }) => ({ key, value, source, where }));
  await print(io, printing, data, { rows: entries, columns: ENTRY });
  return 0;
}

/** Reads everything and loads every driver and front end; speaks to no storage. */
export async function validate({ io, printing, flags, logger }: Plain): Promise<number> {
  const config = await loadConfig(configOptions(flags, io));
  warn(io, printing, config);
  const { checkServices, loadFrontend } = await import('@rexray/runtime/daemon');
  const { services, warnings } = await checkServices(config);
  if (forPeople(printing)) for (const w of warnings) io.err(`warning: ${w}\n`);
  const { modulePlans, settingsOf } = await import('../daemon/module-plans.ts');
  const plans = modulePlans(config, () => {});
  for (const m of plans) settingsOf(m, (await loadFrontend(config, m, logger)).config);
  const data = {
    files: config.files,
    services: services.map((s) => ({ service: s.name, driver: s.driver, default: s.name === config.defaultService })),
    modules: plans.map((m) => ({ module: m.name, type: m.type, host: m.host })),
    warnings: [...config.warnings, ...warnings],
  };
  const lines = [
    ...(config.files.length === 0 ? ['no configuration file was found'] : config.files.map((f) => `file ${f}`)),
    ...data.services.map((s) => `service ${s.service}: driver ${s.driver}${s.default ? ', default' : ''}`),
    ...data.modules.map((m) => `module ${m.module}: ${m.type}${m.host === undefined ? '' : ` on ${m.host}`}`),
    'valid',
  ];
  await print(io, printing, data, { lines });
  return 0;
}

export function warn(io: Io, printing: Printing, config: EffectiveConfig): void {
  const c = colours(io, 'err');
  if (forPeople(printing)) for (const w of config.warnings) io.err(`${c.warning('warning:')} ${w}\n`);
}

/** A driver's schema says which of its settings are secrets; one that cannot be loaded leaves the names, which are guessed at. */
export async function learnSecrets(config: EffectiveConfig): Promise<void> {
  const { checkServices } = await import('@rexray/runtime/daemon');
  await checkServices(config).catch((e: unknown) => {
    if (!isVolumeError(e)) throw e;
  });
}

export interface DriverSetting {
  readonly key: string;
  readonly default?: unknown;
  readonly meaning: string;
}

/** Settings of the drivers that are in use, by `driver.setting` in lower case. */
export async function driverSettings(config: EffectiveConfig): Promise<ReadonlyMap<string, DriverSetting>> {
  const { checkServices } = await import('@rexray/runtime/daemon');
  const checked = await checkServices(config).catch((e: unknown) => {
    if (!isVolumeError(e)) throw e;
    return { services: [] };
  });
  const out = new Map<string, DriverSetting>();
  for (const s of checked.services) {
    const properties = (s.schemas[0]?.properties ?? {}) as Record<string, { default?: unknown; description?: string }>;
    for (const [name, schema] of Object.entries(properties)) {
      const key = `${s.driver}.${name}`;
      out.set(key.toLowerCase(), {
        key,
        ...(schema.default !== undefined && { default: schema.default }),
        meaning: schema.description ?? '',
      });
    }
  }
  return out;
}
