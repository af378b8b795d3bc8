/** The server's part of the configuration, and the client's: where it listens, where it is, and who may use it. */
import { readFileSync } from 'node:fs';
import { invalid } from './invalid.ts';
import type { Paths } from './places.ts';
import type { ConfigReader } from './reader.ts';
import { SERVICES } from './services.ts';
import { readTls, type TlsSettings } from './tls.ts';
import { at, isSet } from './tree.ts';
import { read } from './values.ts';

export interface EndpointSettings {
  readonly address: string;
  readonly tls?: TlsSettings;
  readonly allowPlaintext: boolean;
  readonly allowAnonymous: boolean;
}
export interface AuthRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}
export interface ServerSettings {
  /** Beside the daemon's own socket. */
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
  readonly auth: AuthRules & {
    readonly key?: string;
    readonly alg: string;
    readonly services: Readonly<Record<string, AuthRules>>;
  };
  readonly rateLimit: { readonly perSecond: number; readonly burst: number };
  readonly tasks: { readonly exeTimeoutMs: number; readonly logTimeoutMs: number };
  readonly audit?: string;
}
export interface ClientSettings {
  readonly tls?: TlsSettings;
  readonly token?: string;
}

/** What tokens are made with. */
export interface TokenSettings {
  /** A text, or the path of a file. */
  readonly key?: string;
  readonly alg: string;
  readonly expMs: number;
}

const ENDPOINTS = ['libstorage', 'server', 'endpoints'] as const;

/** @param host `libstorage.host`. @throws VolumeError `invalid` */
export function readServer(
  reader: ConfigReader,
  o: { readonly paths: Paths; readonly services: readonly string[]; readonly host: string | undefined },
): ServerSettings {
  const off = reader.get('bool', 'libstorage.server.auth.disabled') === true;
  const key = reader.get('string', 'libstorage.server.auth.key');
  const audit = reader.get('path', 'libstorage.server.audit');
  return {
    endpoints: endpoints(reader, o.paths, o.host),
    auth: {
      ...(!off && key !== undefined && key !== '' && { key }),
      alg: reader.get('string', 'libstorage.server.auth.alg') ?? 'HS256',
      allow: off ? [] : (reader.get('list', 'libstorage.server.auth.allow') ?? []),
      deny: off ? [] : (reader.get('list', 'libstorage.server.auth.deny') ?? []),
      services: off ? {} : Object.fromEntries(o.services.flatMap((name) => ruled(reader, name))),
    },
    rateLimit: {
      perSecond: reader.get('int', 'libstorage.server.rateLimit.perSecond') ?? 200,
      burst: reader.get('int', 'libstorage.server.rateLimit.burst') ?? 400,
    },
    tasks: {
      exeTimeoutMs: reader.get('duration', 'libstorage.server.tasks.exeTimeout') ?? 60_000,
      logTimeoutMs: reader.get('duration', 'libstorage.server.tasks.logTimeout') ?? 600_000,
    },
    ...(audit !== undefined && { audit }),
  };
}

function endpoints(reader: ConfigReader, paths: Paths, host: string | undefined): ServerSettings['endpoints'] {
  const { files, flags, overrides } = reader.sources;
  const names = new Set([files, flags, overrides].flatMap((t) => [...(at(t, ENDPOINTS)?.children.keys() ?? [])]));
  const general = ['libstorage.server.tls', 'libstorage.tls'];
  const embedded = reader.get('bool', 'libstorage.embedded') === true;
  // REX-Ray's: a server that is told only where it is listens there.
  if (names.size === 0 && embedded && host !== undefined && /^(tcp|https?):/i.test(host)) {
    const tls = readTls(reader, 'server', general, paths);
    return { localhost: { address: host, ...(tls && { tls }), allowPlaintext: false, allowAnonymous: false } };
  }
  return Object.fromEntries(
    [...names].map((name) => {
      const key = `${ENDPOINTS.join('.')}.${name}`;
      const address = reader.typed('string', `${key}.address`, undefined, {})?.trim() ?? '';
      if (address === '')
        throw invalid({ key: `${key}.address`, expected: 'tcp://host:port or unix:///path', why: 'is missing' });
      const bool = (leaf: string): boolean => reader.typed('bool', `${key}.${leaf}`, undefined, {}) ?? false;
      const unix = /^(unix:\/\/)?\//.test(address);
      const tls = unix ? undefined : readTls(reader, 'server', [`${key}.tls`, ...general], paths);
      return [
        name,
        {
          address,
          ...(tls !== undefined && { tls }),
          allowPlaintext: bool('allowPlaintext'),
          allowAnonymous: bool('allowAnonymous'),
        },
      ];
    }),
  );
}

/** The rules of one service. A key of its own is refused: tokens have one key, and rules say what each may. */
function ruled(reader: ConfigReader, service: string): [string, AuthRules][] {
  const leaf = (name: string) =>
    [reader.sources.overrides, reader.sources.flags, reader.sources.files]
      .map((tree) => at(tree, [...SERVICES, service, 'auth', name]))
      .find((node) => isSet(node))?.leaf;
  const list = (name: string): readonly string[] => {
    const found = leaf(name);
    const key = `${SERVICES.join('.')}.${service}.auth.${name}`;
    return found === undefined ? [] : read('list', found.value, { key, place: found.place, secret: true });
  };
  const own = leaf('key');
  if (own !== undefined)
    throw invalid({
      key: `${SERVICES.join('.')}.${service}.auth.key`,
      value: '',
      secret: true,
      place: own.place,
      expected: 'libstorage.server.auth.key',
      why: 'is not read: tokens have one key, libstorage.server.auth.key (in REX-Ray too it came before this one)',
      hint: 'Write the key there, and who may use this service into its auth.allow.',
    });
  const rules = { allow: list('allow'), deny: list('deny') };
  return rules.allow.length + rules.deny.length === 0 ? [] : [[service, rules]];
}

/** @throws VolumeError `invalid` */
export function readClient(reader: ConfigReader, paths: Paths): ClientSettings {
  const tls = readTls(reader, 'client', ['libstorage.client.tls', 'libstorage.tls'], paths);
  const token = reader.get('string', 'libstorage.client.auth.token')?.trim();
  return {
    ...(tls !== undefined && { tls }),
    ...(token !== undefined && token !== '' && { token: token.startsWith('/') ? fileText(token) : token }),
  };
}

/**
 * The server of `libstorage.host` as settings of the driver `remote`. A file with a token stays a path: it may be renewed,
 * and what a watcher process is told must hold no secret.
 */
export function readAgent(reader: ConfigReader, paths: Paths): Readonly<Record<string, unknown>> {
  const host = reader.get('string', 'rexray.host') || reader.get('string', 'libstorage.host');
  if (host !== undefined && !/^((unix:\/\/)?\/|(tcp|https?):\/\/[^/]+\/?$)/i.test(host))
    throw invalid({ key: 'libstorage.host', value: host, expected: 'tcp://host:port or unix:///path/of/a.sock' });
  const tls = readTls(reader, 'client', ['libstorage.client.tls', 'libstorage.tls'], paths);
  const token = reader.get('string', 'libstorage.client.auth.token')?.trim();
  const { clientCertRequired: _, ...client } = tls ?? { clientCertRequired: false };
  return {
    host,
    ...(tls !== undefined && { tls: client }),
    ...(token !== undefined && token !== '' && { [token.startsWith('/') ? 'tokenFile' : 'token']: token }),
  };
}

/** `rexray.token.*`, else those of the server. */
export function readToken(reader: ConfigReader): TokenSettings {
  const key = reader.get('string', 'rexray.token.key') || reader.get('string', 'libstorage.server.auth.key');
  const alg = reader.get('string', 'rexray.token.alg') || reader.get('string', 'libstorage.server.auth.alg');
  return {
    ...(key !== undefined && key !== '' && { key }),
    alg: alg ?? 'HS256',
    expMs: reader.get('duration', 'rexray.token.exp') ?? 8760 * 3_600_000,
  };
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (e) {
    throw invalid({
      key: 'libstorage.client.auth.token',
      value: path,
      expected: 'a token, or a file that holds one',
      why: `cannot be read (${(e as NodeJS.ErrnoException).code ?? String(e)})`,
    });
  }
}
