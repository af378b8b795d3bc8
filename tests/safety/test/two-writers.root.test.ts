import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { storm } from './writers.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('S5, S10, S11: two writers, in short', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...XFS, ...EXT4 },
}, () => {
  it('stopped, storming, dying nodes with clocks that jump, 8 times', { timeout: 600_000 }, () => storm(cleanup, 8));
});
