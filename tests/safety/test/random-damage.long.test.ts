/** Metadata of ext4, xfs and btrfs damaged 1,000 times each: never formatted, no file changed or vanished in silence. */
import { BTRFS, EXT4, suite, XFS } from '@rexray/rig';
import { damageAtRandom } from './random-damage.ts';

suite('S1, S24: damage at random', { root: true, loop: true, programs: { ...XFS, ...BTRFS, ...EXT4 } }, () =>
  damageAtRandom(Number(process.env.SAFETY_DAMAGE ?? 1000)),
);
