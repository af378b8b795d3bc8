/** Volumes without a plugin: through the daemon when it answers, else in this process under the same locks. Loaded only when needed. */
import { existsSync } from 'node:fs';
import { isVolumeError, VolumeError } from '@rexray/core';
import { connect, type RestClient } from '@rexray/rest-client';
import { type EffectiveConfig, loadConfig, placesOf } from '@rexray/runtime/config';
import type { Io } from '../io.ts';
import { type Call, remaining, type Volumes } from '../volumes.ts';
import { chooseService } from './choose.ts';
import { logger } from './logger.ts';
import { type Backend, IntegrationVolumes } from './volumes.ts';

export interface Here {
  /** The driver of a name; undefined where neither a module nor a service has it. */
  volumes(driver: string, call: Call): Promise<Volumes | undefined>;
  /** Names that {@link volumes} knows. */
  names(call: Call): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openHere(io: Io): Promise<Here> {
  const env = io.env as Record<string, string>;
  const { run } = placesOf({ env, root: process.geteuid?.() === 0 });
  const client = await answering(`${run}/rexray.sock`);
  if (client !== undefined) return here(io, await overDaemon(client), await loadConfig({ env }).catch(() => undefined));
  const config = await loadConfig({ env });
  return here(io, embedded(config, io), config);
}

/** A daemon that is not there, or a socket that a dead one left: none. One that answers badly is an error, not a reason to go round it. */
async function answering(socketPath: string): Promise<RestClient | undefined> {
  if (!existsSync(socketPath)) return undefined;
  const client = connect({ socketPath });
  try {
    await client.health({ timeoutMs: 5_000 });
    return client;
  } catch (e) {
    if (!isVolumeError(e, 'unavailable') || e.details.found === undefined) return client;
    client.close();
    if (/^(ENOENT|ECONNREFUSED)$/.test(e.details.found)) return undefined;
    throw e;
  }
}

async function overDaemon(client: RestClient): Promise<Backend> {
  const services = await client.services();
  return {
    where: `the daemon (${client.address})`,
    services: services.map((s) => s.service),
    defaultService: services.find((s) => s.default)?.service,
    integration: (name) => client.integration(name),
    close: async () => client.close(),
  };
}

function embedded(config: EffectiveConfig, io: Io): Backend {
  let opening: Promise<import('@rexray/runtime').Rexray> | undefined;
  return {
    where: 'this process',
    services: Object.keys(config.services),
    defaultService: config.defaultService,
    async integration(name) {
      const { openRexray } = await import('@rexray/runtime');
      opening ??= openRexray({ loaded: config, logger: logger(io) });
      return (await opening).service(name).integration;
    },
    close: async () => (await opening)?.close(),
  };
}

function here(io: Io, backend: Backend, config: EffectiveConfig | undefined): Here {
  const modules = config?.modules ?? {};
  return {
    async volumes(driver, call) {
      const service = chooseService(driver, backend, modules);
      if (service === undefined) return undefined;
      if (remaining(call) <= 1) throw new VolumeError('timeout', 'The deadline has passed.', { details: {} });
      const counted = config?.services[service]?.operations.unmount.ignoreUsedCount === false;
      return new IntegrationVolumes(await backend.integration(service), {
        backend,
        counted,
        warn: (text) => io.err(`warning: ${text}\n`),
      });
    },
    names: async () => [...new Set([...Object.keys(modules), ...backend.services])].sort(),
    close: () => backend.close(),
  };
}
