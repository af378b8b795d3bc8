import { BTRFS, EXT4, suite, XFS } from '@rexray/rig';
import { damageAtRandom } from './random-damage.ts';

suite('S1, S24: damage at random, in short', { root: true, loop: true, programs: { ...XFS, ...BTRFS, ...EXT4 } }, () =>
  damageAtRandom(60),
);
