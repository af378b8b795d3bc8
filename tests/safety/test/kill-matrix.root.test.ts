import { BTRFS, EXT4, suite, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCENARIOS, type Scenario } from '../src/scenarios.ts';
import { Matrix } from './matrix.ts';

/** Of the points of a verb, every so-manieth; the long form takes all. */
const STRIDE = 9;

suite('S12, S13, S14: SIGKILL at some steps of every verb', {
  root: true,
  loop: true,
  programs: { ...EXT4, ...XFS, ...BTRFS },
}, () => {
  const matrix = new Matrix(2);
  beforeAll(() => matrix.open());
  afterAll(() => matrix.close());

  async function some(scenario: Scenario, worker: boolean, least: number): Promise<void> {
    const points = await matrix.points(scenario, worker);
    expect(points.length, 'a step is no longer seen').toBeGreaterThanOrEqual(least);
    await matrix.fall(matrix.blows(scenario, points, worker, STRIDE));
  }

  it.each(SCENARIOS)('embedded: $name', { timeout: 600_000 }, (s) => some(s, false, s.least));
  it.each(SCENARIOS.filter((s) => s.inWorker !== undefined))('worker: $name', { timeout: 600_000 }, (s) =>
    some(s, true, s.inWorker ?? 0),
  );

  it.each(SCENARIOS.filter((s) => s.freezes === true))(
    'S16: $name, killed with everybody who would thaw: thawed at the next open',
    { timeout: 600_000 },
    async (s) => {
      const points = await matrix.points(s, false);
      const families = matrix.blows(s, points, false).filter((b) => b.how === 'family');
      // Between the freeze and the thaw: while the copy is made, and when it has just ended.
      const copying = families.filter((b) => /FICLONE|rename|store commit/.test(b.what));
      expect(copying.length).toBeGreaterThan(1);
      await matrix.fall(copying.map((b, i) => ({ ...b, elder: i % 2 === 1 })));
    },
  );
});
