/** SIGKILL at every step of every verb, embedded and in the host's worker process; children too. */
import { BTRFS, EXT4, suite, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCENARIOS, type Scenario } from '../src/scenarios.ts';
import { Matrix } from './matrix.ts';

suite('S12, S13, S14: SIGKILL at every step', {
  root: true,
  loop: true,
  programs: { ...EXT4, ...XFS, ...BTRFS },
}, () => {
  const matrix = new Matrix(3);
  beforeAll(() => matrix.open());
  afterAll(() => matrix.close());

  async function all(scenario: Scenario, worker: boolean, least: number): Promise<void> {
    const points = await matrix.points(scenario, worker);
    const blows = matrix.blows(scenario, points, worker);
    await matrix.fall(blows);
    console.log(`${scenario.name}${worker ? ', worker' : ''}: ${points.length} steps, ${blows.length} kills`);
    expect(points.length).toBeGreaterThanOrEqual(least);
  }

  it.each(SCENARIOS)('embedded: $name', { timeout: 1_800_000 }, (s) => all(s, false, s.least));
  it.each(SCENARIOS.filter((s) => s.inWorker !== undefined))('worker: $name', { timeout: 1_800_000 }, (s) =>
    all(s, true, s.inWorker ?? 0),
  );
});
