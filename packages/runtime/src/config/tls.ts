/** TLS as REX-Ray configures it: a word or a section, the role's own before the general one, files of known names by default. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invalid } from './invalid.ts';
import { keySpec } from './keys.ts';
import type { Paths } from './places.ts';
import type { ConfigReader } from './reader.ts';
import { parseBool } from './values.ts';

/** What the configuration says about TLS in one place. */
export interface TlsSettings {
  /** `peers`: the other end is known by its fingerprint alone. */
  readonly mode: 'on' | 'insecure' | 'peers';
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly trustedCertsFile?: string;
  /** Files of known hosts, the first one first. */
  readonly knownHosts: readonly string[];
  /** One known host as a line: the word was `<host> sha256 <fingerprint>`. */
  readonly knownHost?: string;
  readonly serverName?: string;
  readonly clientCertRequired: boolean;
}

const FILES = ['certFile', 'keyFile', 'trustedCertsFile', 'knownHosts'] as const;
const FLAGS = ['disabled', 'insecure', 'verifyPeers', 'clientCertRequired'] as const;

/**
 * @param sections where it is looked for, the nearest first: `libstorage.client.tls`, `libstorage.tls`
 * @returns undefined: no TLS
 * @throws VolumeError `invalid`
 */
export function readTls(
  reader: ConfigReader,
  role: 'client' | 'server',
  sections: readonly string[],
  paths: Paths,
): TlsSettings | undefined {
  const word = firstOf(sections, (s) => wordOf(reader, s));
  const files = Object.fromEntries(FILES.map((f) => [f, firstOf(sections, (s) => read(reader, 'path', s, f))]));
  const on = Object.fromEntries(FLAGS.map((f) => [f, firstOf(sections, (s) => read(reader, 'bool', s, f))]));
  const serverName = firstOf(sections, (s) => read(reader, 'string', s, 'serverName'));
  if (word?.mode === 'off' || on.disabled === true) return undefined;
  const asked = word !== undefined || [...Object.values(files), ...Object.values(on)].some((x) => x !== undefined);
  const found = byDefault(role, paths);
  if (!asked && !found.present) return undefined;
  const mode = modeOf(word?.mode, on, !asked && found.peers);
  const cert = files.certFile ?? (files.keyFile === undefined ? found.certFile : undefined);
  return {
    mode,
    ...(cert !== undefined && { certFile: cert, keyFile: files.keyFile ?? found.keyFile }),
    ...opt('trustedCertsFile', files.trustedCertsFile ?? (role === 'client' ? found.trustedCertsFile : undefined)),
    knownHosts: files.knownHosts !== undefined ? [files.knownHosts] : role === 'client' ? found.knownHosts : [],
    ...opt('knownHost', word?.knownHost),
    ...opt('serverName', serverName),
    clientCertRequired: on.clientCertRequired ?? false,
  } as TlsSettings;
}

const opt = (key: string, value: string | undefined): object => (value === undefined ? {} : { [key]: value });

function modeOf(
  word: TlsSettings['mode'] | undefined,
  on: Readonly<Record<string, boolean | undefined>>,
  peers: boolean,
): TlsSettings['mode'] {
  if (word !== undefined && word !== 'on') return word;
  if (on.insecure === true) return 'insecure';
  return on.verifyPeers === true || peers ? 'peers' : 'on';
}

type Word = { readonly mode: TlsSettings['mode'] | 'off'; readonly knownHost?: string };

/** The word that stands where a section could; undefined: there is none. */
function wordOf(reader: ConfigReader, section: string): Word | undefined {
  const found = reader.find(section);
  if (found === undefined) return undefined;
  const text = String(found.value).trim();
  const bool = parseBool(text);
  if (bool !== undefined) return { mode: bool ? 'on' : 'off' };
  if (/^insecure$/i.test(text)) return { mode: 'insecure' };
  if (/^verifypeers$/i.test(text)) return { mode: 'peers' };
  if (/^\S+\s+sha256\s+[0-9a-f:]+$/i.test(text)) return { mode: 'peers', knownHost: text };
  throw invalid({
    key: section,
    value: text,
    place: found.place,
    expected: 'true, false, insecure, verifyPeers, or "<host> sha256 <fingerprint>"',
  });
}

function read<T extends 'path' | 'bool' | 'string'>(
  reader: ConfigReader,
  type: T,
  section: string,
  leaf: string,
): (T extends 'bool' ? boolean : string) | undefined {
  const key = `${section}.${leaf}`;
  if (reader.find(key) === undefined) return undefined;
  return reader.typed(type, key, keySpec(`libstorage.tls.${leaf}`), {}) as never;
}

function firstOf<T>(sections: readonly string[], get: (section: string) => T | undefined): T | undefined {
  for (const s of sections) {
    const hit = get(s);
    if (hit !== undefined) return hit;
  }
  return undefined;
}

interface Default {
  readonly present: boolean;
  /** Known hosts, and no authority: servers are known by their fingerprints. */
  readonly peers: boolean;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly trustedCertsFile?: string;
  readonly knownHosts: readonly string[];
}

/** Files of REX-Ray's names switch TLS on by being there; an empty list of known hosts says nothing. */
function byDefault(role: 'client' | 'server', paths: Paths): Default {
  const [crt, key, ca] = ['rexray.crt', 'rexray.key', 'cacerts'].map((f) => join(paths.tls, f)) as [
    string,
    string,
    string,
  ];
  const pair = existsSync(crt) && existsSync(key);
  const knownHosts = [join(paths.user, 'known_hosts'), join(paths.tls, 'known_hosts')].filter(saysSomething);
  const authority = existsSync(ca);
  const peers = role === 'client' && knownHosts.length > 0 && !authority;
  return {
    present: role === 'server' ? pair : authority || knownHosts.length > 0,
    peers,
    ...(pair && { certFile: crt, keyFile: key }),
    ...(authority && { trustedCertsFile: ca }),
    knownHosts,
  };
}

function saysSomething(file: string): boolean {
  try {
    return /^\s*[^#\s]/m.test(readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}
