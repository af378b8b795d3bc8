import { CONFIG_ROWS, DAEMON_ROWS } from './daemon.ts';
import { HOLDER_ROWS, HOST_ROWS, SNAPSHOT_ROWS } from './others.ts';
import type { CommandRow, FlagRow, GroupRow } from './row.ts';
import { flag } from './row.ts';
import { TOKEN_ROWS } from './token.ts';
import { VOLUME_ROWS } from './volume.ts';

/** Every command of this program. The names and aliases are REX-Ray's where it has them. A new command is a row and a file in `commands/`. */
export const ROWS: readonly CommandRow[] = [
  ...VOLUME_ROWS,
  ...SNAPSHOT_ROWS,
  ...HOLDER_ROWS,
  ...DAEMON_ROWS,
  ...HOST_ROWS,
  ...CONFIG_ROWS,
  ...TOKEN_ROWS,
];

export const GROUPS: readonly GroupRow[] = [
  { name: 'volume', aliases: ['v'], about: 'volumes of a service' },
  { name: 'snapshot', aliases: ['snap'], about: 'snapshots of a service' },
  { name: 'holder', about: 'who needs which mount on this node' },
  { name: 'service', about: 'configured services, and the daemon' },
  { name: 'device', about: 'what is mounted on this node' },
  { name: 'node', about: 'nodes that have volumes' },
  { name: 'plugin', about: 'installed plugins' },
  { name: 'config', about: 'the configuration' },
  { name: 'token', about: 'tokens that say who asks a server' },
  { name: 'adapter', about: 'services and nodes, in REX-Ray’s words', hidden: true },
];

export const GLOBAL_FLAGS: readonly FlagRow[] = [
  flag('-c, --config <file>', 'configuration file, instead of those of the machine and the user'),
  flag('-h, --host <address>', 'server to use: unix:///path or tcp://host:port'),
  flag('-s, --service <name>', 'service to use'),
  flag('-l, --logLevel <level>', 'panic, fatal, error, warn, info or debug'),
  flag('-f, --format <format>', 'table, json, jsonp, yaml or a Go template ({{.Name}})'),
  flag('--template <template>', 'a Go template, for each item'),
  flag('--templateTabs', 'accepted, as by REX-Ray: tabs of a template are always aligned'),
  flag('-q, --quiet', 'no headings and no notes'),
  flag('-v, --verbose', 'with --help: also a flag for every key of the configuration'),
];

export type { CommandRow, FlagRow, GroupRow } from './row.ts';
