/** SIGKILL at every step of the daemon, its workers, the Docker plugin and dvdcli. */
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Role } from '../src/program-order.ts';
import { PROGRAM_SCENARIOS, type ProgramScenario } from '../src/program-scenarios.ts';
import { lanes, template } from './kills.ts';
import { ROLES, strike } from './program-kills.ts';

const LANES = 3;
const ONLY = new RegExp(process.env.SAFETY_ONLY ?? '');

suite('S12, S13, S14: SIGKILL at every step of the programs', { root: true, loop: true, programs: EXT4 }, () => {
  const cleanup = new Cleanup();
  let [base, compiled] = ['', ''];
  const total = { steps: 0, kills: 0 };
  beforeAll(async () => {
    const dir = cleanup.tempDir('rexray-template-');
    [base, compiled] = [`${dir}/home`, `${dir}/compiled`];
    await template(base);
  });
  afterAll(async () => {
    console.log(`kill matrix of the programs: ${total.steps} steps, ${total.kills} kills`);
    await cleanup.run();
  });

  async function matrix(scenario: ProgramScenario): Promise<void> {
    const points = await strike(base, compiled, { scenario, role: 'program', at: -1 });
    const tasks = ROLES.flatMap((role) => points[role].map((what, at) => ({ scenario, role, at, what })));
    let kills = 0;
    await lanes(LANES, tasks, async (blow) => {
      if ((await strike(base, compiled, blow)).fell) kills += 1;
    });
    total.steps += tasks.length;
    total.kills += kills;
    const count = ROLES.map((role) => `${points[role].length} of ${role}`);
    console.log(`${scenario.name}: ${count.join(', ')}; ${kills} kills`);
    expect(tasks.length - kills, 'blows that did not fall').toBeLessThanOrEqual(Math.max(1, points.host.length / 2));
    for (const [role, least] of Object.entries(scenario.least))
      expect(points[role as Role].length, `points of ${role}`).toBeGreaterThanOrEqual(least);
  }

  it.each(PROGRAM_SCENARIOS.filter((s) => ONLY.test(s.name)))('$name', { timeout: 3_600_000 }, matrix);
});
