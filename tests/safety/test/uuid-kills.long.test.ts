/** First mounts of copies of ext4 and btrfs: SIGKILL at every write of the change of their UUID, and of what finishes it. */
import { BTRFS, EXT4, suite } from '@rexray/rig';
import { killUuidChanges } from './uuid-kills.ts';

const PROGRAMS = { ...BTRFS, ...EXT4, strace: 'strace' };

suite('S25: SIGKILL at every write of a change of a UUID', { root: true, loop: true, programs: PROGRAMS }, () =>
  killUuidChanges({ rounds: 4 }),
);
