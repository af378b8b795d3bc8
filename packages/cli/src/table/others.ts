import type { CommandRow } from './row.ts';
import { DRY, flag, OLD_SNAPSHOT, SEVERAL } from './row.ts';
import { MAKING } from './volume.ts';

const snapshot = () => import('../commands/snapshot.ts');

export const SNAPSHOT_ROWS: readonly CommandRow[] = [
  {
    name: 'snapshot ls',
    args: '[names...]',
    aliases: ['l', 'list', 'get'],
    about: 'list snapshots',
    flags: [flag('--volume <name>', 'only those of this volume')],
    over: async () => (await snapshot()).ls,
  },
  {
    name: 'snapshot create',
    args: '[volume] [name]',
    aliases: ['c', 'n', 'new'],
    about: 'take a snapshot of a volume',
    flags: [DRY, ...OLD_SNAPSHOT],
    over: async () => (await snapshot()).create,
  },
  {
    name: 'snapshot rm',
    args: '[names...]',
    aliases: ['r', 'remove', 'delete', 'del'],
    about: 'remove snapshots',
    flags: [DRY, ...SEVERAL, ...OLD_SNAPSHOT],
    over: async () => (await snapshot()).remove,
  },
  {
    name: 'snapshot restore',
    args: '<snapshot> <volume>',
    about: 'make a new volume from a snapshot',
    flags: [...MAKING, DRY],
    over: async () => (await snapshot()).restore,
  },
];

export const HOLDER_ROWS: readonly CommandRow[] = [
  {
    name: 'holder ls',
    aliases: ['l', 'list', 'get'],
    about: 'list holders',
    flags: [flag('--volume <name>', 'only those of this volume')],
    over: async () => (await import('../commands/holder.ts')).ls,
  },
  {
    name: 'holder release',
    args: '<volume> <holder>',
    aliases: ['rm'],
    about: 'drop a holder that is gone for good',
    flags: [DRY],
    over: async () => (await import('../commands/holder.ts')).release,
  },
];

export const HOST_ROWS: readonly CommandRow[] = [
  {
    name: 'device ls',
    aliases: ['l', 'list', 'get'],
    about: 'what is mounted on this node, and from which device',
    flags: [flag('--all', 'every mount of the machine, not only those of volumes')],
    plain: async () => (await import('../commands/device.ts')).ls,
  },
  ...['mount', 'unmount', 'format'].map(
    (verb): CommandRow => ({
      name: `device ${verb}`,
      args: '[words...]',
      about: `use "rexray volume ${verb}": a device alone says nothing about whose data it holds`,
      hidden: true,
      plain: async () => (await import('../commands/device.ts')).refuse(verb),
    }),
  ),
  {
    name: 'node ls',
    aliases: ['l', 'list', 'get', 'instances'],
    about: 'nodes that have volumes attached, and this one',
    over: async () => (await import('../commands/node.ts')).ls,
  },
  {
    name: 'adapter instances',
    aliases: ['i'],
    about: 'the same as "rexray node ls"',
    hidden: true,
    over: async () => (await import('../commands/node.ts')).ls,
  },
  {
    name: 'adapter types',
    aliases: ['t', 'ls', 'list'],
    about: 'the same as "rexray service ls"',
    hidden: true,
    plain: async () => (await import('../commands/service.ts')).ls,
  },
  {
    name: 'plugin ls',
    aliases: ['l', 'list', 'get'],
    about: 'installed drivers, front ends and their packages',
    plain: async () => (await import('../commands/plugin.ts')).ls,
  },
  {
    name: 'doctor',
    about: 'what this machine lacks and how to get it; what nobody owns any more',
    flags: [
      flag('--fix', 'give back what nobody owns; look at the dry run first'),
      flag('-n, --dryRun', 'with --fix: say what would be given back, and do nothing'),
    ],
    plain: async () => (await import('../commands/doctor.ts')).doctor,
  },
];
