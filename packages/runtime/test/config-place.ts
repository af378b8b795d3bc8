/** A place of its own for one test: configuration directory, home and working directory, nothing of this machine. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Cleanup } from '@rexray/rig';
import { type EffectiveConfig, type LoadOptions, loadConfig } from '../src/config/index.ts';

export interface Place {
  readonly dir: string;
  readonly etc: string;
  readonly user: string;
  readonly cwd: string;
  write(path: string, text: string): string;
  load(o?: LoadOptions & { readonly vars?: Record<string, string> }): Promise<EffectiveConfig>;
}

export function place(cleanup: Cleanup): Place {
  const dir = cleanup.tempDir();
  const at = { etc: join(dir, 'rexray/etc'), user: join(dir, 'home/.rexray'), cwd: join(dir, 'cwd') };
  for (const d of Object.values(at)) mkdirSync(d, { recursive: true });
  return {
    dir,
    ...at,
    write(path, text) {
      const file = join(dir, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    load: ({ vars, ...o } = {}) =>
      loadConfig({
        env: { HOME: join(dir, 'home'), REXRAY_HOME: join(dir, 'rexray'), ...vars },
        environmentFile: false,
        cwd: at.cwd,
        root: false,
        ...o,
      }),
  };
}

/** The error of a promise that must fail. */
export async function errorOf(
  p: Promise<unknown> | (() => unknown),
): Promise<Error & { code?: string; details?: Record<string, unknown>; hint?: string }> {
  try {
    await (typeof p === 'function' ? p() : p);
  } catch (e) {
    return e as Error;
  }
  throw new Error('it did not fail');
}
