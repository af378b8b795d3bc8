import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Logger, VolumeError } from '@rexray/core';
import type { Access, Door } from '../auth/callers.ts';
import type { EndpointConfig } from '../config.ts';
import { claimSocket } from '../socket.ts';
import { listenAddress, urlOf } from './address.ts';
import { Connections } from './connections.ts';
import { readServerTls, type ServerTls, stampOf } from './server-tls.ts';

/** What answers requests, whichever endpoint they come from. */
export interface Answering {
  /** Limits and handlers of connections, for a server that was just made. */
  prepare(server: http.Server): void;
  readonly options: http.ServerOptions;
  handle(q: http.IncomingMessage, r: http.ServerResponse, door: Door): void;
}

export interface Listener {
  readonly url: string;
  /** Why nobody can reach it any more; undefined: it works. */
  health(): Promise<string | undefined>;
  /** Takes no new connection; answers when the last one has ended. */
  close(): Promise<void>;
}

const CERTIFICATES_MS = 60_000;

/**
 * TCP without TLS or without authentication serves only whoever asked for that in so many words.
 * @throws VolumeError `denied`
 */
export function assertGuarded(name: string, e: EndpointConfig, access: Pick<Access, 'takesTokens'>): void {
  if (listenAddress(e.address, keyOf(name, 'address')).kind === 'unix') return;
  if (e.tls === undefined && !e.allowPlaintext)
    throw unguarded(name, e, 'TLS', 'anybody on the network could read and change what is said', [
      'Give it a certificate (libstorage.server.tls, or rexray.crt and rexray.key in the tls directory),',
      `or write ${keyOf(name, 'allowPlaintext')}: true.`,
    ]);
  if (!access.takesTokens && e.tls?.clientCertRequired !== true && !e.allowAnonymous)
    throw unguarded(
      name,
      e,
      'authentication',
      'anybody who reaches the port could read, change and remove every volume',
      [
        'Set libstorage.server.auth.key (tokens) or clientCertRequired (client certificates),',
        `or write ${keyOf(name, 'allowAnonymous')}: true.`,
      ],
    );
}

const keyOf = (name: string, leaf: string): string => `libstorage.server.endpoints.${name}.${leaf}`;

const unguarded = (
  name: string,
  e: EndpointConfig,
  what: string,
  why: string,
  hint: readonly string[],
): VolumeError<'denied'> =>
  new VolumeError('denied', `Endpoint "${name}" (${e.address}) has no ${what}: ${why}.`, {
    details: { rule: 'TCP needs TLS and authentication', found: `no ${what}`, where: e.address },
    hint: hint.join(' '),
  });

/** @throws VolumeError `invalid` (files of TLS), `denied` (permission), `in_use` (port), `unavailable` */
export async function openEndpoint(
  name: string,
  e: EndpointConfig,
  answering: Answering,
  logger: Logger,
  /** How often it is looked whether certificates were replaced, in ms. */
  lookMs = CERTIFICATES_MS,
): Promise<Listener> {
  const at = listenAddress(e.address, keyOf(name, 'address'));
  const tls = e.tls === undefined ? undefined : readServerTls(e.tls, keyOf(name, 'tls'));
  const door: Door = {
    name,
    unix: at.kind === 'unix',
    anonymous: e.allowAnonymous,
    certRequired: e.tls?.clientCertRequired === true,
    known: tls?.known ?? [],
  };
  const server = madeServer(tls, answering, door);
  const connections = new Connections(server);
  if (at.kind === 'unix') {
    const socket = await claimSocket(at.path, (path) => listening(server, { path }, e.address));
    return {
      url: `unix://${at.path}`,
      health: async () => ((await socket.ours()) ? undefined : `${at.path} was removed or replaced`),
      close: async () => {
        await socket.remove();
        await closed(server, connections);
      },
    };
  }
  await listening(server, { host: at.host, port: at.port }, e.address);
  const renewal =
    e.tls === undefined ? undefined : renewing(server as https.Server, e.tls, { name, door, logger, lookMs });
  const { port } = server.address() as AddressInfo;
  return {
    url: urlOf(tls !== undefined, at.host, port),
    health: async () => (server.listening ? undefined : `endpoint "${name}" does not listen any more`),
    close: async () => {
      clearInterval(renewal);
      await closed(server, connections);
    },
  };
}

function madeServer(tls: ServerTls | undefined, answering: Answering, door: Door): http.Server {
  const handle = (q: http.IncomingMessage, r: http.ServerResponse): void => answering.handle(q, r, door);
  const server =
    tls === undefined
      ? http.createServer(answering.options, handle)
      : https.createServer({ ...answering.options, ...tls.options, handshakeTimeout: 10_000 }, handle);
  answering.prepare(server);
  return server;
}

function listening(server: http.Server, where: { path: string } | { host: string; port: number }, address: string) {
  return new Promise<void>((resolve, reject) => {
    const fail = (e: NodeJS.ErrnoException): void => reject('path' in where ? e : refused(e, address));
    server.once('error', fail);
    server.listen(where, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function refused(e: NodeJS.ErrnoException, address: string): VolumeError {
  if (e.code === 'EADDRINUSE')
    return new VolumeError('in_use', `Another program listens on ${address}.`, {
      details: {},
      cause: e,
      hint: 'Stop it first, or give this endpoint another port.',
    });
  if (e.code === 'EACCES')
    return new VolumeError('denied', `This user may not listen on ${address} (${e.code}).`, {
      details: { rule: 'ports below 1024 are root’s', found: e.code, where: address },
      cause: e,
      hint: 'Choose a port above 1023.',
    });
  return new VolumeError('unavailable', `${address} cannot be listened on (${e.code ?? String(e)}).`, {
    details: { found: e.code ?? String(e) },
    cause: e,
    hint: 'Is it an address of this machine?',
  });
}

/** New certificates are taken without a restart: connections that stand keep theirs. */
function renewing(
  server: https.Server,
  files: NonNullable<EndpointConfig['tls']>,
  o: { readonly name: string; readonly door: Door; readonly logger: Logger; readonly lookMs: number },
): NodeJS.Timeout {
  let stamp = stampOf(files);
  const timer = setInterval(() => {
    if (stampOf(files) === stamp) return;
    try {
      const next = readServerTls(files, keyOf(o.name, 'tls'));
      server.setSecureContext(next.options);
      o.door.known = next.known;
      stamp = next.stamp;
      o.logger.info({ endpoint: o.name }, 'new certificates are in use');
    } catch (e) {
      stamp = stampOf(files);
      o.logger.error(
        { endpoint: o.name, err: (e as Error).message },
        'new certificates cannot be used: the old ones stay',
      );
    }
  }, o.lookMs);
  timer.unref();
  return timer;
}

function closed(server: http.Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    connections.endIdle();
  });
}
