import { type Integration, isVolumeError, type Logger } from '@rexray/core';
import { addressFor, connect, type RestClient, type ServiceInfo } from '@rexray/rest-client';
import type { Rexray } from '@rexray/runtime';
import { type EffectiveConfig, type LoadOptions, placesOf } from '@rexray/runtime/config';
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

/** A daemon of this host: what it mounts is mounted here. */
const isSocket = (host: string): boolean => /^(unix:\/\/)?\//.test(host);

/**
 * A daemon whose socket is named is used; else this host's when it answers; else this process does it. With a server's
 * address, a file of its own (`-c`), or keys of the configuration as flags, a command is done here: the storage is the
 * server's, and what is mounted is mounted on this node.
 */
export async function openSession(t: Target, io: Io, logger: Logger, redactor = new Redactor()): Promise<Session> {
  if (t.host !== undefined && isSocket(t.host)) return remote(connect(addressFor(t.host)), named(t, io));
  if (t.host === undefined && t.config === undefined && Object.keys(t.set ?? {}).length === 0) {
    const { run } = placesOf({ env: io.env as Record<string, string>, root: process.geteuid?.() === 0 });
    const client = connect({ socketPath: `${run}/rexray.sock` });
    const there = await answering(client, named(t, io));
    if (there !== undefined) return there;
    client.close();
  }
  const config = await ownConfig(t, io);
  const [{ openRexray }, { checkServices }] = await Promise.all([
    import('@rexray/runtime'),
    import('@rexray/runtime/daemon'),
  ]);
  for (const s of (await checkServices(config)).services) redactor.learn(s.schemas, s.config);
  const own = embedded(await openRexray({ loaded: config, logger }));
  return isAgent(config) ? { ...own, services: () => servicesOf(config) } : own;
}

const isAgent = (c: EffectiveConfig): boolean => c.host !== undefined && !c.embedded;

/** Where this process could be the server, and another one is, it uses that one. */
async function ownConfig(t: Target, io: Io): Promise<EffectiveConfig> {
  // Loaded only here: a command that the daemon answers reads no configuration.
  const { loadConfig, somebodyAnswers } = await import('@rexray/runtime/config');
  const options = configOptions(t, io);
  const config = await loadConfig(options);
  if (config.host === undefined || !config.embedded || !(await somebodyAnswers(config.host))) return config;
  return loadConfig({ ...options, overrides: { 'libstorage.embedded': false } });
}

/** All that the server shows, not those alone that this node names. */
async function servicesOf(config: EffectiveConfig): Promise<readonly ServiceRow[]> {
  const client = connect(addressFor(config.host ?? '', config.client()));
  try {
    return rows(await client.services());
  } finally {
    client.close();
  }
}

const rows = (all: readonly ServiceRow[]): readonly ServiceRow[] =>
  all.map((s) => ({ service: s.service, driver: s.driver, default: s.default }));

/** How the configuration is read for a command line. */
export const configOptions = (t: Target, io: Io, program = 'rexray.cli'): LoadOptions => ({
  env: io.env as Record<string, string>,
  program,
  ...(t.config !== undefined && { config: t.config }),
  flags: {
    ...t.set,
    ...(t.host !== undefined && { 'rexray.host': t.host, 'libstorage.embedded': false }),
    ...(t.service !== undefined && { 'rexray.service': t.service }),
    ...(t.logLevel !== undefined && { 'rexray.logLevel': t.logLevel }),
  },
});

/**
 * Nobody there, or a socket that a dead daemon left: undefined. A daemon that answers badly is an error, not a reason to go
 * round it. The first question is one that the command needs anyway.
 */
async function answering(client: RestClient, service: string | undefined): Promise<Session | undefined> {
  try {
    const first = await client.services();
    return remote(client, service, first);
  } catch (e) {
    if (isVolumeError(e, 'unavailable') && /ENOENT|ECONNREFUSED/.test(e.details.found ?? '')) return undefined;
    throw e;
  }
}

/** A server over the network is spoken to as the configuration says: TLS and token. One on a socket needs neither. */
export async function hostAddress(host: string, t: Target, io: Io): Promise<ReturnType<typeof addressFor>> {
  if (isSocket(host)) return addressFor(host);
  const address = addressFor(host);
  const { loadConfig } = await import('@rexray/runtime/config');
  const { client } = await loadConfig(configOptions(t, io));
  return address.socketPath === undefined ? addressFor(host, client()) : address;
}

function remote(client: RestClient, service: string | undefined, first?: readonly ServiceInfo[]): Session {
  return {
    integration: () => client.integration(service, first === undefined ? undefined : { known: first }),
    async services() {
      return rows(first ?? (await client.services()));
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
