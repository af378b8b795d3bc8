import { join } from 'node:path';
import type { Logger } from '@rexray/core';
import type { LoadedService } from '../engine/services.ts';
import { WorkerDriver } from './worker-driver.ts';

/** Drivers whose verbs may hang move to processes of their own; one given by value cannot be made again there, and stays. */
export function inWorkers(parts: readonly LoadedService[], libDir: string, logger: Logger): readonly LoadedService[] {
  return parts.map((p) => {
    if (p.driver.traits.blocking !== true || p.module === undefined) return p;
    const start = { service: p.name, module: p.module, config: p.config, libDir: join(libDir, p.driverName) };
    return { ...p, driver: new WorkerDriver(start, p.driver, logger).driver() };
  });
}
