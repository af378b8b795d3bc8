import type { Io } from '../io.ts';

/** Where plugins announce themselves: Docker's directories, each replaceable (other engines, tests). */
export interface Places {
  /** Sockets: `<name>.sock`, `<name>/<name>.sock`, and those of managed plugins. */
  readonly sockets: string;
  /** `<name>.spec`, `<name>/<name>.spec`, `.json` likewise; in order. */
  readonly specs: readonly string[];
  /** What Docker knows about its managed plugins: `<id>/config.json`. */
  readonly managed: string;
}

/** Environment variables that name other places; lists are separated by colons. */
export const PLACES_ENV = {
  sockets: 'DVDCLI_SOCKET_DIR',
  specs: 'DVDCLI_SPEC_DIRS',
  managed: 'DVDCLI_MANAGED_DIR',
} as const;

export const pluginPlaces = (env: Io['env']): Places => ({
  sockets: env[PLACES_ENV.sockets] || '/run/docker/plugins',
  specs: (env[PLACES_ENV.specs] || '/etc/docker/plugins:/usr/lib/docker/plugins').split(':').filter((d) => d !== ''),
  managed: env[PLACES_ENV.managed] || '/var/lib/docker/plugins',
});
