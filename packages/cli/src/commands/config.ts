import { isVolumeError, type Logger } from '@rexray/core';
import { type EffectiveConfig, type Explained, loadConfig } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import type { Io } from '../io.ts';
import { type Column, type Printing, print } from '../output.ts';
import { configOptions } from '../session.ts';

const text = (v: unknown): string => (v === undefined ? '' : typeof v === 'string' ? v : JSON.stringify(v));
const ENTRY: readonly Column<Explained>[] = [
  { head: 'Key', cell: (e) => e.key },
  { head: 'Value', cell: (e) => text(e.value) },
  { head: 'From', cell: (e) => e.where },
];

/** What is in force, and where each value comes from. Secrets are hidden. */
export async function show(io: Io, printing: Printing, o: GlobalFlags & { all?: boolean }): Promise<number> {
  const config = await loadConfig(configOptions(o, io));
  warn(io, printing, config);
  await learnSecrets(config);
  const entries = config.entries().filter((e) => o.all === true || (e.source !== 'unset' && e.source !== 'default'));
  const data = entries.map(({ key, value, source, where }) => ({ key, value, source, where }));
  await print(io, printing, data, { rows: entries, columns: ENTRY });
  return 0;
}

/** Reads everything and loads every driver and front end; speaks to no storage. */
export async function validate(io: Io, printing: Printing, o: GlobalFlags, logger: Logger): Promise<number> {
  const config = await loadConfig(configOptions(o, io));
  warn(io, printing, config);
  const { checkServices, loadFrontend } = await import('@rexray/runtime/daemon');
  const { services, warnings } = await checkServices(config);
  if (printing.format === 'table') for (const w of warnings) io.err(`warning: ${w}\n`);
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

function warn(io: Io, printing: Printing, config: EffectiveConfig): void {
  if (printing.format === 'table') for (const w of config.warnings) io.err(`warning: ${w}\n`);
}

/** A driver's schema says which of its settings are secrets; one that cannot be loaded leaves the names, which are guessed at. */
async function learnSecrets(config: EffectiveConfig): Promise<void> {
  const { checkServices } = await import('@rexray/runtime/daemon');
  await checkServices(config).catch((e: unknown) => {
    if (!isVolumeError(e)) throw e;
  });
}
