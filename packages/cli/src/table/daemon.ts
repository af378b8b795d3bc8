import type { CommandRow } from './row.ts';
import { DRY, flag } from './row.ts';

const START = async () => (await import('../commands/start.ts')).start;
const control = () => import('../commands/control.ts');

/** The same words stand alone and below `service`, as in REX-Ray. */
const CONTROL: readonly CommandRow[] = [
  {
    name: 'start',
    about: 'serve volumes, in the foreground',
    flags: [
      flag('--foreground', 'accepted, as by REX-Ray: it always is in the foreground (-f too)'),
      flag('--nopid', 'write no pid file'),
      flag('--force', 'accepted, as by REX-Ray; it has no effect'),
    ],
    plain: START,
  },
  { name: 'stop', about: 'end the daemon; what is mounted stays mounted', plain: async () => (await control()).stop },
  {
    name: 'restart',
    aliases: ['force-reload'],
    about: 'end the daemon and start it again; what is mounted stays mounted',
    plain: async () => (await control()).restart,
  },
  {
    name: 'reload',
    about: 'let the daemon read its configuration again',
    plain: async () => (await control()).reload,
  },
  { name: 'status', about: 'whether the daemon runs, and how it is', plain: async () => (await control()).status },
];

export const DAEMON_ROWS: readonly CommandRow[] = [
  ...CONTROL,
  {
    name: 'service ls',
    aliases: ['l', 'list', 'get'],
    about: 'list the configured services',
    plain: async () => (await import('../commands/service.ts')).ls,
  },
  ...CONTROL.map((r): CommandRow => ({ ...r, name: `service ${r.name}`, about: `the same as "rexray ${r.name}"` })),
  {
    name: 'service initsys',
    about: 'the init system of this machine, as REX-Ray names it',
    hidden: true,
    plain: async () => (await control()).initsys,
  },
  {
    name: 'logs',
    args: '[file]',
    about: 'what the daemon said, readable: of the journal, of its own file, or of a file or - (standard input)',
    flags: [
      flag('--follow', 'go on'),
      flag('--lines <number>', 'how many, from the end; default 200'),
      flag('--level <level>', 'this level and above: debug, info, warn or error'),
    ],
    plain: async () => (await import('../commands/logs.ts')).logs,
  },
  {
    name: 'events',
    about: 'what happened to volumes since the daemon started, as far as it remembers',
    flags: [
      flag('--follow', 'go on'),
      { flag: '--type <type>', about: 'only such events; may be repeated', repeats: true },
      flag('--volume <name>', 'only of this volume'),
    ],
    plain: async () => (await import('../commands/events.ts')).events,
  },
  {
    name: 'install',
    about: 'make the systemd unit, the configuration directory with a first file, and TLS files',
    flags: [
      flag('--root <dir>', 'below this directory instead of /, for images'),
      flag('--noTls', 'make no certificate'),
      DRY,
    ],
    plain: async () => (await import('../commands/install.ts')).install,
  },
  {
    name: 'uninstall',
    about: 'take the systemd unit away; configuration, state and volumes stay',
    flags: [
      flag('--root <dir>', 'below this directory instead of /'),
      flag('--package', 'accepted, as by REX-Ray; npm removes the package'),
      DRY,
    ],
    plain: async () => (await import('../commands/install.ts')).uninstall,
  },
];

export const CONFIG_ROWS: readonly CommandRow[] = [
  {
    name: 'config show',
    about: 'what is set, and where',
    flags: [flag('--all', 'every key, with the defaults')],
    plain: async () => (await import('../commands/config.ts')).show,
  },
  {
    name: 'config explain',
    args: '<key>',
    about: 'one key: its value, where that comes from, its default, what it means',
    flags: [flag('--module <name>', 'as this module sees it')],
    plain: async () => (await import('../commands/config-explain.ts')).explain,
  },
  {
    name: 'config init',
    about: 'write a first configuration file; one that exists stays as it is',
    flags: [
      flag('--driver <name>', 'driver of the service; default local-loop for root, local-dir for others'),
      flag('--stdout', 'print it, write nothing'),
    ],
    plain: async () => (await import('../commands/config-init.ts')).init,
  },
  {
    name: 'config validate',
    aliases: ['check'],
    about: 'read everything, load every driver, change nothing',
    plain: async () => (await import('../commands/config.ts')).validate,
  },
  {
    name: 'env',
    about: 'the effective configuration as KEY=value; secrets are hidden',
    plain: async () => (await import('../commands/env.ts')).env,
  },
  {
    name: 'completion',
    args: '<shell>',
    about: 'completion for bash, zsh or fish: source what it prints',
    plain: async () => (await import('../commands/completion.ts')).completion,
  },
  {
    name: 'version',
    about: 'version of this program',
    plain: async () => (await import('../commands/version.ts')).show,
  },
];
