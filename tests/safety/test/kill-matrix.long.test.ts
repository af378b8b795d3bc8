import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit } from '../src/after.ts';
import { bundle } from '../src/bundle.ts';
import type { How } from '../src/kill-main.ts';
import { SCENARIOS, type Scenario } from '../src/scenarios.ts';
import { Victims } from '../src/victim.ts';
import { copyOf, lanes, template } from './kills.ts';

/** A half-written scratch file looks like a whole one to everybody else: the driver's own suite kills there too. */
const inScratch = (point: string): boolean =>
  /^fs (open|mkdir|ftruncate|writeFile|write|chmod) (\.tmp\/|[0-9a-f]{16}-)/.test(point);
const LANES = 3;

suite('S12, S13, S14: SIGKILL at every step', { root: true, loop: true, programs: EXT4 }, () => {
  const cleanup = new Cleanup();
  let victims: Victims;
  let base: string;
  let kills = 0;
  let steps = 0;
  beforeAll(async () => {
    base = `${cleanup.tempDir('rexray-template-')}/home`;
    victims = new Victims(cleanup, await bundle(cleanup, './kill-main.ts'), LANES);
    await template(base);
  });
  afterAll(async () => {
    console.log(`kill matrix: ${steps} steps, ${kills} kills`);
    await cleanup.run();
  });

  async function strike(scenario: Scenario, at: number, how: How, worker: boolean): Promise<readonly string[]> {
    const own = new Cleanup();
    const home = copyOf(own, base);
    try {
      const { told } = await victims.run({ home, scenario: scenario.name, at, how, ...(worker && { worker }) });
      if (at < 0 && told?.error !== undefined) throw new Error(`${scenario.name}: ${told.error.message}`);
      await audit(home, scenario, `${scenario.name}, ${worker ? 'worker' : how} at ${at}`);
      return told?.points ?? [];
    } finally {
      await own.run();
    }
  }

  async function matrix(scenario: Scenario, worker: boolean): Promise<number> {
    const points = await strike(scenario, -1, 'process', worker);
    const tasks = points.flatMap((p, i): (readonly [number, How])[] => {
      if (inScratch(p)) return [];
      if (!p.startsWith('child running') || worker) return [[i, 'process']];
      return (['process', 'process-later', 'child', 'child-later'] as const).map((how) => [i, how]);
    });
    await lanes(LANES, tasks, async ([at, how]) => {
      await strike(scenario, at, how, worker).catch((e: Error) => {
        throw new Error(`${e.message} (${points[at]})`, { cause: e });
      });
      kills += 1;
    });
    steps += points.length;
    console.log(`${scenario.name}${worker ? ', worker' : ''}: ${points.length} steps, ${tasks.length} kills`);
    return points.length;
  }

  it.each(SCENARIOS)('embedded: $name', { timeout: 600_000 }, async (scenario) => {
    expect(await matrix(scenario, false)).toBeGreaterThanOrEqual(scenario.least);
  });

  it.each(SCENARIOS.filter((s) => s.inWorker !== undefined))(
    'worker: $name',
    { timeout: 600_000 },
    async (scenario) => {
      expect(await matrix(scenario, true)).toBeGreaterThanOrEqual(scenario.inWorker ?? 0);
    },
  );
});
