import { readFileSync } from 'node:fs';
import type { Place } from './invalid.ts';
import { envNames } from './keys.ts';
import { LEGACY_KEYS, legacyEnvNames, legacyValue } from './legacy.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Lines `KEY=value` of /etc/environment, which services and cron jobs do not get by themselves; quotes around a value and `export` are dropped. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const m = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/.exec(line);
    if (m?.[1] === undefined) continue;
    const value = (m[2] ?? '').trim();
    found[m[1]] = /^(["']).*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value;
  }
  return found;
}

/** The process's environment over that of the file: as REX-Ray does, the file fills only what is not set at all. */
export function readEnvironment(env: Env, file: string | false): Env {
  if (file === false) return env;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return env; // Absent or unreadable: most systems work without it.
  }
  return { ...parseEnvironmentFile(text), ...env };
}

export interface EnvHit {
  readonly value: unknown;
  readonly place: Place;
}

/** What the environment says about a key; an empty variable counts as unset. */
export function fromEnv(env: Env, key: string): EnvHit | undefined {
  for (const name of envNames(key)) {
    const value = env[name];
    if (value !== undefined && value !== '') return { value, place: { where: `environment ${name}` } };
  }
  for (const name of legacyEnvNames(key)) {
    const value = env[name] === undefined || env[name] === '' ? null : legacyValue(key, env[name]);
    if (value !== null) return { value, place: { where: `environment ${name}` } };
  }
  return undefined;
}

/** Variables of 0.3 that are set: what they are called now. */
export const environmentWarnings = (env: Env): readonly string[] =>
  Object.values(LEGACY_KEYS).flatMap((now) =>
    legacyEnvNames(now)
      .filter((name) => (env[name] ?? '') !== '')
      .map((name) => `${name} is a variable of REX-Ray 0.3: write ${envNames(now)[0] ?? now} (environment).`),
  );
