import https from 'node:https';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { VolumeError } from '@rexray/core';
import { fingerprintText, type KnownHost } from './known-hosts.ts';

/** How a client speaks TLS with a server. */
export interface ClientTls {
  /** Authorities that sign servers, in PEM; absent: those that Node brings. */
  readonly ca?: string | Buffer | readonly string[] | undefined;
  /** The client's own certificate and its key, in PEM: who it is (mutual TLS). */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Name in the certificate of the server, where it is not that of the address. */
  readonly servername?: string | undefined;
  /** Anybody's certificate will do: whoever stands in between can read everything, tokens included. */
  readonly insecure?: boolean | undefined;
  /** Present: the certificate must be the one that stands here for the host, whoever signed it, and nothing else counts. */
  readonly knownHosts?: readonly KnownHost[] | undefined;
}

/**
 * Nothing is sent over a connection before its other end has been looked at. A function, and no class of its own: a client
 * of a socket must not load what TLS needs.
 */
export function verifiedAgent(pool: https.AgentOptions, secure: ClientTls, host: string): https.Agent {
  const agent = new https.Agent(pool);
  const { ca, cert, key, servername, insecure, knownHosts } = secure;
  // biome-ignore lint/suspicious/noExplicitAny: Node's own types of this method differ from version to version.
  const createConnection = (o: any, done?: (e: Error | null, s: any) => void): any => {
    const name = servername ?? host;
    const s = tls.connect({
      host: o.host,
      port: o.port,
      ...(!isAddress(name) && { servername: name }),
      ...(ca !== undefined && { ca: ca as string | string[] }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: insecure !== true && knownHosts === undefined,
      ...(servername !== undefined && { checkServerIdentity: (_h, c) => tls.checkServerIdentity(servername, c) }),
    });
    const end = (e: Error | null): void => {
      s.removeAllListeners('error');
      if (e !== null) {
        s.on('error', () => undefined);
        s.destroy();
      }
      done?.(e, (e === null ? s : undefined) as Socket);
    };
    s.once('error', end);
    s.once('secureConnect', () => end(knownHosts === undefined ? null : strangeness(s, name, knownHosts)));
    return undefined;
  };
  return Object.assign(agent, { createConnection });
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

/** Why the other end is not the host that is known by this name; null: it is. */
function strangeness(s: tls.TLSSocket, host: string, known: readonly KnownHost[]): VolumeError<'denied'> | null {
  const found = s.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? '';
  const ours = known.filter((k) => k.host === host.toLowerCase());
  if (ours.some((k) => k.fingerprint === found)) return null;
  const print = fingerprintText(found);
  if (ours.length === 0)
    return new VolumeError('denied', `"${host}" is not a known host: its certificate has the fingerprint ${print}.`, {
      details: { rule: 'known hosts', found: print, where: host },
      hint: `Compare it with the server's own, and add the line "${host} sha256 ${found}" to the file of known hosts. Nothing was sent.`,
    });
  return new VolumeError(
    'denied',
    `"${host}" shows another certificate than the one that is known: it may be somebody else who answers there. Its fingerprint is ${print}.`,
    {
      details: { rule: 'known hosts', found: print, where: host },
      hint: 'Nothing was sent. If the server has a new certificate, replace its line in the file of known hosts.',
    },
  );
}

/** Codes with which Node refuses a server's certificate, and the server a client's. */
const REFUSALS =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL_TLSV\d+_ALERT|ERR_SSL_SSLV3_ALERT)/;

/** What a fault of TLS means to a caller; undefined: it is none. */
export function tlsFault(code: string | undefined, place: string, cause: unknown): VolumeError | undefined {
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return new VolumeError('invalid', `What listens on ${place} does not speak TLS.`, {
      details: { path: 'url', value: place, expected: 'a server that speaks TLS' },
      cause,
      hint: 'Is it the right port? A server without TLS has an address that begins with http:// or tcp://.',
    });
  if (code === undefined || !REFUSALS.test(code)) return undefined;
  return new VolumeError(
    'denied',
    `The certificate of ${place} was refused (${code}): ${String((cause as Error).message)}.`,
    {
      details: { rule: 'TLS', found: code, where: place },
      cause,
      hint: 'Name the authority that signed it (libstorage.client.tls.trustedCertsFile), or the server in a file of known hosts. Nothing was sent.',
    },
  );
}
