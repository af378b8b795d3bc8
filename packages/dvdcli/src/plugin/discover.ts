import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { type Endpoint, endpointOf, unix } from './endpoint.ts';
import { managedPlugins, managedPluginsOf } from './managed.ts';
import type { Places } from './places.ts';

/** A plugin that was announced; whether anybody listens is seen by calling it. */
export interface Announced {
  readonly endpoint: Endpoint;
  /** A path that the plugin says, as this host sees it: a managed plugin lives in a root of its own. */
  readonly onHost: (path: string) => string;
}

const same = (path: string): string => path;

/**
 * Every plugin that is announced under a name, in Docker's order: sockets, then for each directory `.spec` and `.json`,
 * then Docker's managed plugins (by their name, or by that of their socket).
 * @throws VolumeError `invalid` for a name that is none, and for a discovery file that says nothing useful
 */
export function* announced(name: string, places: Places): Generator<Announced> {
  assertDriverName(name);
  // A name with a slash is an image's: only managed plugins have those.
  if (!/[/:]/.test(name)) {
    for (const path of both(places.sockets, name, '.sock'))
      if (looked(path)?.isSocket()) yield { endpoint: unix(path), onHost: same };
    for (const dir of places.specs)
      for (const [ext, read] of [
        ['.spec', readSpec],
        ['.json', readJson],
      ] as const)
        for (const path of both(dir, name, ext)) {
          const text = contentOf(path);
          if (text !== undefined) yield { endpoint: read(path, text), onHost: same };
        }
  }
  yield* managedPluginsOf(name, places);
}

/** Names of all that is announced, for a message. */
export function announcedNames(places: Places): readonly string[] {
  const names = new Set<string>();
  for (const [dir, ext] of [
    [places.sockets, 'sock'],
    ...places.specs.flatMap((d) => [
      [d, 'spec'],
      [d, 'json'],
    ]),
  ])
    for (const file of filesIn(dir ?? ''))
      if (file.endsWith(`.${ext}`)) names.add(file.slice(0, -`.${ext}`.length));
      else if (!file.includes('.') && exists(join(dir ?? '', file, `${file}.${ext}`))) names.add(file);
  for (const m of managedPlugins(places)) names.add(m.name);
  return [...names].sort();
}

const both = (dir: string, name: string, ext: string): readonly string[] => [
  join(dir, `${name}${ext}`),
  join(dir, name, `${name}${ext}`),
];

/** What is at a path; undefined = nothing. @throws VolumeError `denied` */
function looked(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new VolumeError('denied', `This user may not look for the plugin ${path} (${code}).`, {
      details: { rule: 'permissions of the directory', found: String(code), where: path },
      cause: e,
      hint: 'Run it as root.',
    });
  }
}

function exists(path: string): boolean {
  try {
    return looked(path) !== undefined;
  } catch {
    return false;
  }
}

function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    if (['ENOENT', 'ENOTDIR'].includes((e as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw invalidFile(path, `it cannot be read (${(e as NodeJS.ErrnoException).code})`);
  }
}

/** The name becomes a part of paths. */
function assertDriverName(name: string): void {
  if (/^[A-Za-z0-9][\w.@:/+-]{0,254}$/.test(name) && !name.split('/').some((p) => p === '' || p === '.' || p === '..'))
    return;
  throw new VolumeError('invalid', `"${name}" is not the name of a volume driver.`, {
    details: {
      path: 'volumedriver',
      value: name,
      expected: 'letters, digits and . _ - ; a managed plugin also / and :',
    },
  });
}

const invalidFile = (path: string, why: string): VolumeError =>
  new VolumeError('invalid', `The discovery file ${path} says nothing useful: ${why}.`, {
    details: { path, expected: 'the address of a plugin' },
  });

const readSpec = (path: string, text: string): Endpoint => endpointOf(text.trim(), path, { insecure: true });

function readJson(path: string, text: string): Endpoint {
  let spec: { Addr?: unknown; TLSConfig?: Record<string, unknown> | null };
  try {
    spec = JSON.parse(text) as typeof spec;
  } catch {
    throw invalidFile(path, 'it is not JSON');
  }
  if (typeof spec?.Addr !== 'string') throw invalidFile(path, 'it has no Addr');
  const tls = spec.TLSConfig ?? {};
  const file = (key: string): string | undefined =>
    typeof tls[key] === 'string' && tls[key] !== '' ? (tls[key] as string) : undefined;
  const [caFile, certFile, keyFile] = [file('CAFile'), file('CertFile'), file('KeyFile')];
  return endpointOf(spec.Addr.trim(), path, {
    insecure: tls.InsecureSkipVerify === true || caFile === undefined,
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  });
}
