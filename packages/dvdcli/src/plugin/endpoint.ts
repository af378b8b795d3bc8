import { VolumeError } from '@rexray/core';

/** Certificates of a plugin's `.json`: paths of PEM files. */
export interface TlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The plugin's certificate is not checked. Also where no `CAFile` is named, as Docker does. */
  readonly insecure: boolean;
}

/** Where a plugin listens. `name` is the address for people. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly name: string; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly name: string;
      readonly host: string;
      readonly port: number;
      readonly tls?: TlsFiles;
    };

export const unix = (path: string): Endpoint => ({ kind: 'unix', name: path, path });

/**
 * An address as Docker's discovery files write it: `unix:///path`, `tcp://host:port`, `http://…`, `https://…`. Only `https`
 * is TLS, whatever certificates are named: that is how Docker reads it, and how the plugin listens.
 * @throws VolumeError `invalid` naming the file
 */
export function endpointOf(address: string, file: string, tls: TlsFiles): Endpoint {
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (path !== undefined) return unix(path);
  const url = URL.canParse(address) ? new URL(address.replace(/^tcp:/, 'http:')) : undefined;
  if (url === undefined || !/^(tcp|http|https):$/.test(new URL(address).protocol) || url.hostname === '')
    throw new VolumeError('invalid', `${file}: "${address}" is not the address of a plugin.`, {
      details: {
        path: file,
        value: address,
        expected: 'unix:///path, tcp://host:port, http://host:port or https://host:port',
      },
    });
  const secure = url.protocol === 'https:';
  return {
    kind: 'tcp',
    name: address,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    ...(secure && { tls }),
  };
}
