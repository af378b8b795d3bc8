import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { VolumeError } from '@rexray/core';
import { CONTENT_TYPE, failure } from './answers.ts';
import type { DockerConfig } from './config.ts';
import { claimSocket } from './socket.ts';

/** A server that listens. */
export interface Listening {
  readonly server: Server;
  /** `unix:///run/docker/plugins/rexray.sock`, `tcp://127.0.0.1:7979` */
  readonly address: string;
  /** Whether callers still find this server there. */
  ours(): Promise<boolean>;
  /** Whoever comes from now on finds no server. */
  hide(): Promise<void>;
}

const SETTINGS = {
  // An engine repeats a request with an empty body when its idle connection ends just then: keep it longer than it does.
  keepAliveTimeout: 75_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
} as const;

/** @throws VolumeError `invalid` (address, certificates), `in_use`, `denied` */
export async function listen(config: DockerConfig, listener: RequestListener): Promise<Listening> {
  const { host } = config;
  if (host.startsWith('unix://')) return onSocket(host.slice('unix://'.length), config, listener);
  if (host.startsWith('tcp://')) return onTcp(host, config, listener);
  throw badHost(host, 'unix:///path/to/socket or tcp://address:port');
}

const badHost = (host: string, expected: string): VolumeError =>
  new VolumeError('invalid', `host: "${host}" is not an address to listen on.`, {
    details: { path: 'host', value: host, expected },
    hint: `Write ${expected}.`,
  });

async function onSocket(path: string, config: DockerConfig, listener: RequestListener): Promise<Listening> {
  const server = prepared(createServer(SETTINGS, listener), config);
  const socket = await claimSocket(path, (draft) => started(server, { path: draft }));
  return { server, address: `unix://${path}`, ours: () => socket.ours(), hide: () => socket.remove() };
}

/** Whoever reaches the port is root on the data: without a certificate that we trust there is no answer. */
async function onTcp(host: string, config: DockerConfig, listener: RequestListener): Promise<Listening> {
  const at = /^tcp:\/\/(\[[^\]]+\]|[^:/[\]]+):(\d{1,5})$/.exec(host);
  const port = Number(at?.[2]);
  if (at === null || port > 65_535) throw badHost(host, 'tcp://address:port');
  if (config.tls === undefined) {
    throw new VolumeError('invalid', `host: "${host}" needs tls.`, {
      details: { path: 'tls', expected: 'certFile, keyFile and trustedCertsFile' },
      hint: 'Without certificates anybody who reaches the port could remove volumes. Use a unix socket, or configure tls.',
    });
  }
  const [cert, key, ca] = await Promise.all([
    pem('tls.certFile', config.tls.certFile),
    pem('tls.keyFile', config.tls.keyFile),
    pem('tls.trustedCertsFile', config.tls.trustedCertsFile),
  ]);
  const server = prepared(secured({ cert, key, ca }, listener), config);
  const name = at[1] ?? '';
  await started(server, { host: name.replace(/^\[|\]$/g, ''), port });
  const bound = (server.address() as AddressInfo).port;
  return { server, address: `tcp://${name}:${bound}`, ours: async () => server.listening, hide: async () => {} };
}

function secured(pems: { cert: Buffer; key: Buffer; ca: Buffer }, listener: RequestListener): Server {
  try {
    return createTlsServer(
      { ...SETTINGS, ...pems, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
      listener,
    );
  } catch (e) {
    throw new VolumeError('invalid', `tls: the certificates cannot be used (${(e as Error).message}).`, {
      details: { path: 'tls', expected: 'PEM files that fit each other' },
      cause: e,
    });
  }
}

async function pem(key: string, path: string): Promise<Buffer> {
  return readFile(path).catch((e: NodeJS.ErrnoException) => {
    throw new VolumeError('invalid', `${key}: ${path} cannot be read (${e.code}).`, {
      details: { path: key, value: path, expected: 'a PEM file' },
      cause: e,
    });
  });
}

function prepared<S extends Server>(server: S, config: DockerConfig): S {
  server.maxConnections = config.maxConnections;
  server.on('clientError', (e: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return void socket.destroy();
    const { body } = failure(
      new VolumeError('invalid', 'The request was refused: it is not HTTP.', {
        details: {},
        hint: 'Nothing was done.',
      }),
    );
    const status = e.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: ${CONTENT_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
  return server;
}

function started(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
