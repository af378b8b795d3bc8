import { readFileSync } from 'node:fs';
import { VolumeError } from '@rexray/core';
import { type KnownHost, knownHost, knownHostsIn } from './known-hosts.ts';
import type { ClientTls } from './tls.ts';
import type { Address } from './transport.ts';

/** How a client speaks with a server, as a configuration says it: files by their paths. */
export interface ClientFiles {
  readonly tls?: {
    /** `peers`: a server is known by the fingerprint of its certificate alone. */
    readonly mode: 'on' | 'insecure' | 'peers';
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly trustedCertsFile?: string;
    /** Files of known hosts; those that do not exist say nothing. */
    readonly knownHosts?: readonly string[];
    /** One more, as a line. */
    readonly knownHost?: string;
    readonly serverName?: string;
  };
  readonly token?: string;
}

/**
 * Where a server is, and how one speaks with it.
 * @param host `unix:///run/x.sock`, `/run/x.sock`, `tcp://host:port` as REX-Ray writes it, `http(s)://host:port`
 * @throws VolumeError `invalid`: no address, or a file that cannot be read
 */
export function addressFor(host: string, o: ClientFiles = {}): Address {
  const path = /^(?:unix:\/\/)?(\/.*)$/.exec(host)?.[1];
  if (path !== undefined) return { socketPath: path };
  if (!/^(tcp|https?):\/\/[^/]+\/?$/i.test(host))
    throw new VolumeError('invalid', `"${host}" is not the address of a server.`, {
      details: { path: 'host', value: host, expected: 'unix:///path or tcp://host:port' },
      hint: 'Write unix:///run/rexray/rexray.sock or tcp://host:port.',
    });
  const plain = /^http:/i.test(host);
  return {
    url: host.replace(/\/$/, ''),
    ...(o.tls !== undefined && !plain && { tls: clientTls(o.tls) }),
    ...(o.token !== undefined && { token: o.token }),
  };
}

function clientTls(tls: NonNullable<ClientFiles['tls']>): ClientTls {
  const pem = (path: string | undefined, key: string): string | undefined =>
    path === undefined ? undefined : textOf(path, key);
  const one = tls.knownHost === undefined ? undefined : knownHost(tls.knownHost);
  return {
    ca: pem(tls.trustedCertsFile, 'trustedCertsFile'),
    cert: pem(tls.certFile, 'certFile'),
    key: pem(tls.keyFile, 'keyFile'),
    servername: tls.serverName,
    ...(tls.mode === 'insecure' && { insecure: true }),
    ...(tls.mode === 'peers' && { knownHosts: one === undefined ? known(tls.knownHosts ?? []) : [one] }),
  };
}

/** The files in their order: a host that stands in the first one is not looked up in the others. */
function known(files: readonly string[]): readonly KnownHost[] {
  const all: KnownHost[] = [];
  for (const file of files) {
    const before = new Set(all.map((k) => k.host));
    all.push(...knownHostsIn(textOf(file, 'knownHosts'), file).filter((k) => !before.has(k.host)));
  }
  return all;
}

function textOf(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    throw new VolumeError('invalid', `libstorage.client.tls.${key}: ${path} cannot be read.`, {
      details: { path: `libstorage.client.tls.${key}`, value: path, expected: 'a file that can be read' },
      cause: e,
      hint: `It says ${(e as NodeJS.ErrnoException).code ?? String(e)}.`,
    });
  }
}
