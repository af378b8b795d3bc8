/** An hour of mounts, kills, growth, snapshots and copies at random: memory, descriptors, loop devices and state stay flat. */
import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { soak } from './soak.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('soak', { root: true, loop: true, namespaces: true, programs: { ...XFS, ...EXT4, ...BTRFS } }, () => {
  it('an hour: nothing is lost, nothing is left, nothing grows', { timeout: 3 * 3_600_000 }, async () => {
    await soak(cleanup, { totalMs: Number(process.env.SAFETY_SOAK_MS ?? 3_600_000), passMs: 60_000 });
  });
});
