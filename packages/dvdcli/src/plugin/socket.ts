import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { VolumeError } from '@rexray/core';
import type { Endpoint, TlsFiles } from './endpoint.ts';

/** A connection in the making; what goes wrong is an `error` event of it. @throws VolumeError `invalid` for a certificate that cannot be read */
export async function open(to: Endpoint): Promise<Socket> {
  if (to.kind === 'unix') return connect({ path: to.path });
  if (to.tls === undefined) return connect({ host: to.host, port: to.port });
  const { ca, cert, key } = { ca: pem(to.tls.caFile), cert: pem(to.tls.certFile), key: pem(to.tls.keyFile) };
  const tls = await import('node:tls');
  const named = /^[\d.]+$|:/.test(to.host) ? {} : { servername: to.host };
  return tls.connect({
    host: to.host,
    port: to.port,
    ...named,
    rejectUnauthorized: !to.tls.insecure,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}

function pem(file: TlsFiles['caFile']): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new VolumeError('invalid', `The file ${file}, which a plugin's discovery file names, cannot be read.`, {
      details: { path: file, expected: 'a PEM file' },
      cause,
    });
  }
}
