import { loadConfig } from '@rexray/runtime/config';
import { print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';
import { learnSecrets } from './config.ts';

/** `KEY=value`, one a line: the effective configuration in names of the environment, sorted; secrets are hidden. */
export async function env({ io, printing, flags }: Plain): Promise<number> {
  const config = await loadConfig(configOptions(flags, io));
  await learnSecrets(config);
  const pairs = config
    .entries()
    .filter((e) => e.value !== undefined && e.value !== null)
    .map((e) => [e.key.toUpperCase().replace(/[.-]/g, '_'), text(e.value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  await print(io, printing, Object.fromEntries(pairs), { lines: pairs.map(([k, v]) => `${k}=${v}`) });
  return 0;
}

const text = (v: unknown): string =>
  (Array.isArray(v) ? v.map(String).join(' ') : typeof v === 'object' ? JSON.stringify(v) : String(v)).replaceAll(
    '\n',
    '\\n',
  );
