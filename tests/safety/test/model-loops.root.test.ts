import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, it } from 'vitest';
import { sequencesOnLoops } from './loops.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('model on real loop devices', { root: true, loop: true, namespaces: true, programs: { ...XFS, ...EXT4 } }, () => {
  it('30 sequences', { timeout: 900_000 }, () =>
    Promise.all([sequencesOnLoops(cleanup, 15, 1), sequencesOnLoops(cleanup, 15, 2)]),
  );
});
