import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Role } from '../src/program-order.ts';
import { PROGRAM_SCENARIOS } from '../src/program-scenarios.ts';
import { lanes, template } from './kills.ts';
import { ROLES, strike } from './program-kills.ts';

/** One verb of each way in; the long form takes all, at all points. */
const NAMES = ['daemon: unmount', 'docker: Mount', 'dvdcli: mount', 'dvdcli over the plugin: mount'];
const KILLS = 3;

suite('S12, S13, S14: SIGKILL of the programs, in short', { root: true, loop: true, programs: EXT4 }, () => {
  const cleanup = new Cleanup();
  let [base, compiled] = ['', ''];
  beforeAll(async () => {
    const dir = cleanup.tempDir('rexray-template-');
    [base, compiled] = [`${dir}/home`, `${dir}/compiled`];
    await template(base);
  });
  afterAll(() => cleanup.run());

  it.each(PROGRAM_SCENARIOS.filter((s) => NAMES.includes(s.name)))('$name', { timeout: 600_000 }, async (scenario) => {
    const points = await strike(base, compiled, { scenario, role: 'program', at: -1 });
    for (const [role, least] of Object.entries(scenario.least))
      expect(points[role as Role].length, `points of ${role}`).toBeGreaterThanOrEqual(least);
    const blows = ROLES.flatMap((role) => points[role].map((what, at) => ({ scenario, role, at, what })));
    const stride = Math.max(1, Math.floor(blows.length / KILLS));
    const some = blows.filter((_b, i) => i % stride === stride - 1);
    expect(some.length).toBeGreaterThan(1);
    await lanes(2, some, async (b) => void (await strike(base, compiled, b)));
  });
});
