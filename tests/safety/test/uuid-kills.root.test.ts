import { BTRFS, EXT4, suite } from '@rexray/rig';
import { killUuidChanges } from './uuid-kills.ts';

const PROGRAMS = { ...BTRFS, ...EXT4, strace: 'strace' };

suite('S25: SIGKILL at some writes of a change of a UUID', { root: true, loop: true, programs: PROGRAMS }, () =>
  killUuidChanges({ times: 20, rounds: 1 }),
);
