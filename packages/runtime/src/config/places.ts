/** Where things are on this machine: REX-Ray's layout, moved by REXRAY_HOME and its parts, below the home directory when not root. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { VolumeError } from '@rexray/core';
import type { Env } from './environment.ts';
import { invalid } from './invalid.ts';

export interface Paths {
  /** Configuration: /etc/rexray */
  readonly etc: string;
  readonly tls: string;
  /** /var/lib/rexray */
  readonly lib: string;
  readonly log: string;
  /** /run/rexray */
  readonly run: string;
  /** `<lib>/state`: locks, holders, intents; 0700 */
  readonly state: string;
  /** `<lib>/plugins` */
  readonly plugins: string;
  /** The user's own configuration: `$HOME/.rexray` */
  readonly user: string;
}

export interface PlacesOptions {
  readonly env: Env;
  readonly root: boolean;
  /** Instead of REXRAY_HOME. */
  readonly home?: string | undefined;
}

/** Computes the layout; makes nothing. @throws `invalid` for a relative directory */
export function placesOf(o: PlacesOptions): Paths {
  const variable = (name: string): string | undefined => {
    const value = o.env[name];
    if (value === undefined || value === '') return undefined;
    if (!isAbsolute(value)) throw invalid({ key: name, value, expected: 'an absolute path' });
    return resolve(value);
  };
  const user = join(homeDir(o.env), '.rexray');
  const moved = o.home === undefined ? (variable('REXRAY_HOME') ?? variable('LIBSTORAGE_HOME')) : resolve(o.home);
  const below = moved ?? (o.root ? undefined : user);
  const etc = variable('REXRAY_HOME_ETC') ?? (below === undefined ? '/etc/rexray' : join(below, 'etc'));
  const lib = variable('REXRAY_HOME_LIB') ?? (below === undefined ? '/var/lib/rexray' : join(below, 'var/lib'));
  return {
    etc,
    tls: variable('REXRAY_HOME_ETC_TLS') ?? join(etc, 'tls'),
    lib,
    log: variable('REXRAY_HOME_LOG') ?? (below === undefined ? '/var/log/rexray' : join(below, 'var/log')),
    run: variable('REXRAY_HOME_RUN') ?? (below === undefined ? '/run/rexray' : join(below, 'var/run')),
    state: join(lib, 'state'),
    plugins: join(lib, 'plugins'),
    user,
  };
}

/** $HOME as REX-Ray reads it; the account's own where it is not set (systemd sets none for system services). */
export function homeDir(env: Env): string {
  const home = env.HOME;
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    return userInfo().homedir;
  } catch {
    return '/'; // A uid without an account (containers).
  }
}

const MADE = [
  ['lib', 0o755],
  ['log', 0o755],
  ['run', 0o755],
  ['state', 0o700],
] as const;

/**
 * Makes the directories that are written to; ones that exist are left as they are.
 * @param which default: all of lib, log, run and state
 * @throws VolumeError `denied` or `unavailable` naming the directory and the variable that moves it
 */
export function makePlaces(paths: Paths, which: readonly (typeof MADE)[number][0][] = MADE.map(([n]) => n)): void {
  for (const [name, mode] of MADE) {
    if (!which.includes(name)) continue;
    try {
      mkdirSync(paths[name], { recursive: true, mode });
    } catch (cause) {
      const code = codeOf(cause, paths[name]);
      const hint = `Set REXRAY_HOME${name === 'state' ? '_LIB' : `_${name.toUpperCase()}`} or REXRAY_HOME to a place that can be written.`;
      const message = `The directory ${paths[name]} cannot be made: ${code}.`;
      throw code === 'EACCES' || code === 'EPERM'
        ? new VolumeError('denied', message, {
            details: { rule: 'REXRAY_HOME', found: code, where: paths[name] },
            hint,
            cause,
          })
        : new VolumeError('unavailable', message, { details: { found: code }, hint, cause });
    }
  }
}

/** Node says ENOENT of a directory that cannot be made on a read-only file system: what stands in the way is asked for. */
function codeOf(cause: unknown, path: string): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'ENOENT') return code ?? 'error';
  let dir = path;
  while (!existsSync(dir) && dirname(dir) !== dir) dir = dirname(dir);
  try {
    accessSync(dir, constants.W_OK);
    return code;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code ?? code;
  }
}

/** Directory of the program that runs, symbolic links resolved; undefined in a REPL or with `-e`. */
export function programDir(argv1: string | undefined, real: (p: string) => string): string | undefined {
  if (argv1 === undefined) return undefined;
  try {
    return dirname(real(argv1));
  } catch {
    return undefined;
  }
}
