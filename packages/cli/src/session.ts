import { type Integration, isVolumeError, type Logger } from '@rexray/core';
import { addressFor, connect, type RestClient } from '@rexray/rest-client';
import type { Rexray } from '@rexray/runtime';
import { loadConfig, placesOf } from '@rexray/runtime/config';
import type { Io } from './io.ts';
import { Redactor } from './redact.ts';

/** What the global flags say about where a command is done. */
export interface Target {
  /** `-c FILE` */
  readonly config?: string | undefined;
  /** `-h ADDRESS` */
  readonly host?: string | undefined;
  /** `-s NAME` */
  readonly service?: string | undefined;
  /** `-l LEVEL` */
  readonly logLevel?: string | undefined;
  /** Keys of the configuration that were given as flags. */
  readonly set?: Readonly<Record<string, string>> | undefined;
}

export interface ServiceRow {
  readonly service: string;
  readonly driver: string;
  readonly default: boolean;
}

/** The services, through the daemon or in this process: a command cannot tell. */
export interface Session {
  /** The service that the command line, the environment or the configuration names. */
  integration(): Promise<Integration>;
  services(): Promise<readonly ServiceRow[]>;
  close(): Promise<void>;
}

const named = (t: Target, io: Io): string | undefined =>
  t.service ?? (io.env.REXRAY_SERVICE || io.env.LIBSTORAGE_SERVICE || undefined);

/**
 * A server that is named is used; else the daemon when its socket answers; else this process does it. With a file of its
 * own (`-c`), or with keys of the configuration as flags, a command is done here: the daemon is configured otherwise.
 */
export async function openSession(t: Target, io: Io, logger: Logger, redactor = new Redactor()): Promise<Session> {
  if (t.host !== undefined) return remote(connect(await hostAddress(t.host, t, io)), named(t, io));
  if (t.config === undefined && Object.keys(t.set ?? {}).length === 0) {
    const { run } = placesOf({ env: io.env as Record<string, string>, root: process.geteuid?.() === 0 });
    const client = connect({ socketPath: `${run}/rexray.sock` });
    if (await answers(client)) return remote(client, named(t, io));
    client.close();
  }
  const config = await loadConfig({ ...configOptions(t, io) });
  if (config.host !== undefined && !config.embedded)
    return remote(connect(addressFor(config.host, config.client())), named(t, io));
  const [{ openRexray }, { checkServices }] = await Promise.all([
    import('@rexray/runtime'),
    import('@rexray/runtime/daemon'),
  ]);
  for (const s of (await checkServices(config)).services) redactor.learn(s.schemas, s.config);
  return embedded(await openRexray({ loaded: config, logger }));
}

/** How the configuration is read for a command line. */
export const configOptions = (
  t: Target,
  io: Io,
  program = 'rexray.cli',
): NonNullable<Parameters<typeof loadConfig>[0]> => ({
  env: io.env as Record<string, string>,
  program,
  ...(t.config !== undefined && { config: t.config }),
  flags: {
    ...t.set,
    ...(t.service !== undefined && { 'rexray.service': t.service }),
    ...(t.logLevel !== undefined && { 'rexray.logLevel': t.logLevel }),
  },
});

/** Nobody there, or a socket that a dead daemon left: no. A daemon that answers badly is an error, not a reason to go round it. */
async function answers(client: RestClient): Promise<boolean> {
  try {
    await client.health({ timeoutMs: 5_000 });
    return true;
  } catch (e) {
    if (isVolumeError(e, 'unavailable') && /ENOENT|ECONNREFUSED/.test(e.details.found ?? '')) return false;
    // It says that it is not well: what the command asks may still work, and its answer tells more.
    if (isVolumeError(e, 'unavailable')) return true;
    throw e;
  }
}

/** A server over the network is spoken to as the configuration says: TLS and token. One on a socket needs neither. */
export async function hostAddress(host: string, t: Target, io: Io): Promise<ReturnType<typeof addressFor>> {
  if (/^(unix:\/\/)?\//.test(host)) return addressFor(host);
  const address = addressFor(host);
  const { client } = await loadConfig(configOptions(t, io));
  return address.socketPath === undefined ? addressFor(host, client()) : address;
}

function remote(client: RestClient, service: string | undefined): Session {
  return {
    integration: () => client.integration(service),
    async services() {
      return (await client.services()).map((s) => ({ service: s.service, driver: s.driver, default: s.default }));
    },
    async close() {
      client.close();
    },
  };
}

function embedded(rex: Rexray): Session {
  return {
    integration: async () => rex.service().integration,
    async services() {
      return rex.services.map((service) => ({
        service,
        driver: rex.service(service).driver,
        default: service === rex.defaultService,
      }));
    },
    close: () => rex.close(),
  };
}
