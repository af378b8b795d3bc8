import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { soak } from './soak.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('soak, in short', { root: true, loop: true, namespaces: true, programs: { ...XFS, ...EXT4, ...BTRFS } }, () => {
  it('mounts, kills, growth and copies at random: nothing is lost, nothing is left', { timeout: 600_000 }, () =>
    soak(cleanup, { totalMs: 20_000, passMs: 10_000 }),
  );
});
