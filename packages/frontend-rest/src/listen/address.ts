import { VolumeError } from '@rexray/core';

/** Where an endpoint listens. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** REX-Ray's default port where `tcp://host` names none. */
const DEFAULT_PORT = 7979;

/**
 * `unix:///path`, `tcp://host:port`, `tcp://:port` and `tcp://*:port` (every address), `tcp://[::1]:port`.
 * @param key what named it, for the error
 * @throws VolumeError `invalid`
 */
export function listenAddress(text: string, key: string): ListenAddress {
  const path = /^(?:unix:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const m = /^(?:tcp|https?):\/\/(\[[0-9a-f:.]+\]|[^/:[\]]*)(?::(\d{1,5}))?\/?$/i.exec(text);
  const port = m?.[2] === undefined ? DEFAULT_PORT : Number(m[2]);
  if (m === null || port > 65_535)
    throw new VolumeError('invalid', `"${text}" is not an address to listen on.`, {
      details: { path: key, value: text, expected: 'tcp://host:port or unix:///path/of/a.sock' },
      hint: 'Write tcp://127.0.0.1:7979, tcp://:7979 (every address of this machine), or unix:///run/rexray/other.sock.',
    });
  const host = (m[1] ?? '').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host: host === '' || host === '*' ? '::' : host, port };
}

/** As a client writes it. */
export const urlOf = (secure: boolean, host: string, port: number): string =>
  `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
