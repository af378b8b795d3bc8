import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@rexray/core';
import { secretPaths } from '@rexray/core/schema';
import type { EffectiveConfig } from '../config/index.ts';
import { hostSettings } from '../engine/places.ts';
import type { LoadedService } from '../engine/services.ts';
import { loadPlugin, pluginRoots } from '../plugins/index.ts';
import { WATCH_DIR, type WatchSpec } from './spec.ts';

/**
 * A program ends while volumes are mounted whose claims can be taken: one process per node stays and stops our writes when
 * that happens (S11). It ends with the last mount, and at once where a daemon or another watcher is there already.
 */
export async function leaveWatcher(
  config: EffectiveConfig,
  parts: readonly LoadedService[],
  names: readonly string[],
  logger: Logger,
): Promise<void> {
  const dir = join(config.paths.state, WATCH_DIR);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  let any = false;
  for (const p of parts.filter((x) => names.includes(x.name))) {
    const spec = await specOf(config, p, logger);
    if (spec === undefined) continue;
    const file = join(dir, `${p.name}.json`);
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(spec), { mode: 0o600 });
    renameSync(`${file}.${process.pid}`, file);
    any = true;
  }
  if (any) start(config.paths.state);
}

async function specOf(config: EffectiveConfig, p: LoadedService, logger: Logger): Promise<WatchSpec | undefined> {
  const warn = (why: string): undefined => {
    logger.warn({ service: p.name }, `volumes stay mounted and nobody looks after their claims: ${why}`);
    return undefined;
  };
  const secrets = secretPaths(p.definition.config['~standard'].jsonSchema.input());
  if (secrets.some((s) => s in p.config))
    return warn('the settings of the driver hold secrets, which are not written to disk; run the daemon');
  let module = p.module;
  if (module === undefined) {
    try {
      module = (await loadPlugin('storage', p.driverName, pluginRoots(config))).path;
    } catch {
      return warn(`the driver ${p.driverName} was given by value and is not installed by name`);
    }
  }
  return {
    service: p.name,
    driver: p.driverName,
    module,
    config: p.config,
    policy: p.policy,
    libDir: join(config.paths.lib, p.driverName),
    host: hostSettings(config),
  };
}

function start(stateDir: string): void {
  // Built or from sources, whichever this is.
  const built = fileURLToPath(new URL('main.js', import.meta.url));
  const entry = existsSync(built) ? built : fileURLToPath(new URL('main.ts', import.meta.url));
  const log = openSync(join(stateDir, WATCH_DIR, 'watcher.log'), 'a', 0o600);
  try {
    const child = spawn(
      process.execPath,
      [...process.execArgv.filter((a) => a.startsWith('--conditions')), entry, stateDir],
      { detached: true, stdio: ['ignore', log, log], cwd: '/' },
    );
    child.on('error', () => {});
    child.unref();
  } finally {
    closeSync(log);
  }
}
