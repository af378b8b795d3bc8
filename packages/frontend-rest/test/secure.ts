import { readFileSync } from 'node:fs';
import type { Integration, Policy } from '@rexray/core';
import { type ClientTls, connect, type RestClient } from '@rexray/rest-client';
import { type Authority, authority, type Certificate, type Cleanup } from '@rexray/rig';
import { SignJWT } from 'jose';
import type { RestSettings } from '../src/index.ts';
import { type Served, serve } from './embedded.ts';

export const KEY = 'a secret that nobody guesses, 40 bytes +';

/** A token as `rexray token new` makes it. */
export const tokenOf = (
  sub: string,
  o: { readonly key?: string; readonly exp?: string | number } = {},
): Promise<string> =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime(o.exp ?? '1h')
    .sign(new TextEncoder().encode(o.key ?? KEY));

export interface Secure extends Served {
  readonly authority: Authority;
  readonly certificate: Certificate;
  /** `https://127.0.0.1:port` of the endpoint `tls`. */
  readonly url: string;
  readonly ca: string;
  /** A client over TLS with a token of this subject; without one where none is given. */
  as(subject?: string, tls?: ClientTls): Promise<RestClient>;
}

/** The server with an endpoint over TLS that takes tokens of {@link KEY}. */
export async function secure(
  cleanup: Cleanup,
  o: {
    readonly config?: RestSettings;
    readonly policy?: Partial<Policy>;
    readonly more?: Readonly<Record<string, Integration>>;
    readonly tls?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<Secure> {
  const dir = cleanup.tempDir('rx-tls-');
  const ours = authority(dir);
  const certificate = ours.sign('server');
  const { certFile, keyFile } = certificate;
  const config: RestSettings = {
    ...o.config,
    endpoints: {
      tls: { address: 'tcp://127.0.0.1:0', tls: { certFile, keyFile, ...o.tls } },
      ...o.config?.endpoints,
    },
    auth: { key: KEY, ...o.config?.auth },
  };
  const served = await serve(cleanup, { ...o, config });
  const url = served.server.addresses.find((a) => a.startsWith('https:')) ?? '';
  const ca = readFileSync(ours.certFile, 'utf8');
  return {
    ...served,
    authority: ours,
    certificate,
    url,
    ca,
    async as(subject, tls = { ca }) {
      const client = connect({ url, tls, ...(subject !== undefined && { token: await tokenOf(subject) }) });
      cleanup.add(() => client.close());
      return client;
    },
  };
}
