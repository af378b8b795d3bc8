import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import { VolumeError } from '@rexray/core';
import { type KnownHost, knownHostsIn } from '@rexray/rest-client';
import type { EndpointTls } from '../config.ts';

/** What an endpoint's TLS is made of, read from its files. */
export interface ServerTls {
  readonly options: TlsOptions;
  /** Clients whose certificate is known by its fingerprint, whoever signed it. */
  readonly known: readonly KnownHost[];
  /** Changes when one of the files does. */
  readonly stamp: string;
}

/**
 * @param key what the settings are called, for errors
 * @throws VolumeError `invalid`: a file that cannot be read, is no certificate, or does not fit its key
 */
export function readServerTls(tls: EndpointTls, key: string): ServerTls {
  const cert = fileOf(tls.certFile, `${key}.certFile`);
  const privateKey = fileOf(tls.keyFile, `${key}.keyFile`);
  checkPair(cert, privateKey, tls, key);
  const ca = tls.trustedCertsFile === undefined ? undefined : fileOf(tls.trustedCertsFile, `${key}.trustedCertsFile`);
  const known = tls.knownHosts === undefined ? [] : knownHostsIn(fileOf(tls.knownHosts, `${key}.knownHosts`), key);
  const asksClients = tls.clientCertRequired || ca !== undefined || known.length > 0;
  if (tls.clientCertRequired && ca === undefined && known.length === 0)
    throw invalid(
      `${key}.clientCertRequired`,
      'true',
      'trustedCertsFile or knownHosts beside it',
      'says that clients need a certificate, but nothing says which are good',
      'Name the authority of your clients in trustedCertsFile, or their fingerprints in knownHosts.',
    );
  return {
    options: {
      cert,
      key: privateKey,
      minVersion: 'TLSv1.2',
      // Who it is, and whether that is enough, is decided with each request: then it can be told why not.
      ...(asksClients && { requestCert: true, rejectUnauthorized: false }),
      ...(ca !== undefined && { ca }),
    },
    known,
    stamp: stampOf(tls),
  };
}

/** Cheap: whether the files are still those that were read. A missing one counts as unchanged: it is being replaced. */
export function stampOf(tls: EndpointTls): string {
  const files = [tls.certFile, tls.keyFile, tls.trustedCertsFile, tls.knownHosts];
  return files
    .map((f) => {
      const s = f === undefined ? undefined : statSync(f, { throwIfNoEntry: false });
      return s === undefined ? '-' : `${s.ino}:${s.mtimeMs}:${s.size}`;
    })
    .join(' ');
}

function fileOf(path: string | undefined, key: string): string {
  if (path === undefined)
    throw invalid(key, 'nothing', 'the path of a PEM file', 'is missing', 'TLS needs a certificate and its key.');
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    const found = (e as NodeJS.ErrnoException).code ?? String(e);
    throw invalid(key, path, 'a file that can be read', `cannot be read (${found})`, 'Nothing listens until it can.');
  }
}

function checkPair(cert: string, privateKey: string, tls: EndpointTls, key: string): void {
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(cert);
  } catch (e) {
    throw invalid(`${key}.certFile`, String(tls.certFile), 'a certificate in PEM', `is not one (${String(e)})`);
  }
  let fits = false;
  try {
    fits = x509.checkPrivateKey(createPrivateKey(privateKey));
  } catch (e) {
    throw invalid(
      `${key}.keyFile`,
      String(tls.keyFile),
      'a private key in PEM',
      `is not one (${(e as Error).message})`,
    );
  }
  if (!fits)
    throw invalid(
      `${key}.keyFile`,
      String(tls.keyFile),
      `the key of ${tls.certFile}`,
      'belongs to another certificate',
    );
  if (Date.parse(x509.validTo) < Date.now())
    throw invalid(
      `${key}.certFile`,
      String(tls.certFile),
      'a certificate that is valid',
      `ended on ${x509.validTo}`,
      'Make a new one.',
    );
}

const invalid = (path: string, value: string, expected: string, why: string, hint?: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `${path}: ${value} ${why}.`, {
    details: { path, value, expected },
    ...(hint !== undefined && { hint }),
  });
