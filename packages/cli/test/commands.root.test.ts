import { EXT4, suite } from '@rexray/rig';
import { commandSuite } from './commands.ts';

suite('commands on real volumes', { root: true, loop: true, programs: EXT4 }, () => {
  for (const way of ['in-process', 'daemon'] as const) {
    commandSuite(way, { driver: 'local-loop', size: '64MiB', snapshots: true, block: true });
    commandSuite(way, { driver: 'local-dir', size: '64MiB', snapshots: true, block: false });
  }
});
