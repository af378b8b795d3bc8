/** What the programs are killed in the middle of: every verb over the daemon's own interface, Docker's calls, and dvdcli. */
import type { Integration } from '@rexray/core';
import { LEAST, type Least } from './program-points.ts';
import type { Programs } from './programs.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

export interface ProgramScenario {
  readonly name: string;
  readonly least: Least;
  /** Whether the daemon runs. */
  readonly daemon: boolean;
  /** Which process is struck as `program`: what is started for the verb, or the daemon. */
  readonly client?: true;
  before?(p: Programs): Promise<unknown>;
  run(p: Programs): Promise<unknown>;
  again?(p: Programs): Promise<unknown>;
  /** What the audit has to know. */
  readonly audited?: Pick<Scenario, 'removes' | 'wipes'>;
}

type Unmeasured = Omit<ProgramScenario, 'least'>;

const overRest = (f: ((s: Integration) => Promise<unknown>) | undefined) =>
  f === undefined ? undefined : async (p: Programs) => f(await p.volumes());

const REST: readonly Unmeasured[] = SCENARIOS.filter((s) => s.writes !== true).map((s) => {
  const [before, again] = [overRest(s.before), overRest(s.again)];
  return {
    name: `daemon: ${s.name}`,
    daemon: true,
    ...(before !== undefined && { before }),
    run: async (p) => s.run(await p.volumes()),
    ...(again !== undefined && { again }),
    audited: s,
  };
});

const mountBody = { Name: 'v', ID: 'container' };
const mountV = (p: Programs): Promise<unknown> => p.docker('Mount', mountBody);
const DOCKER: readonly Unmeasured[] = [
  { name: 'Create', run: (p: Programs) => p.docker('Create', { Name: 'x', Opts: { size: '1' } }) },
  { name: 'Mount', run: mountV },
  { name: 'Mount (format)', run: (p: Programs) => p.docker('Mount', { Name: 'blank', ID: 'container' }) },
  { name: 'Mount once more', before: mountV, run: (p: Programs) => p.docker('Mount', { Name: 'v', ID: 'other' }) },
  { name: 'Unmount', before: mountV, run: (p: Programs) => p.docker('Unmount', mountBody) },
  { name: 'Remove', run: (p: Programs) => p.docker('Remove', { Name: 'v' }), audited: { removes: 'v' } },
].map((s) => ({ ...s, name: `docker: ${s.name}`, daemon: true }));

async function dvdcli(p: Programs, verb: string, volume: string, ...options: readonly string[]): Promise<void> {
  const ran = p.run('dvdcli', [verb, '--volumedriver=rexray', `--volumename=${volume}`, ...options]);
  const status = await ran.ended;
  if (status !== 0) throw new Error(`dvdcli ${verb}: ${status} ${ran.err}`);
}
const mounting = (p: Programs): Promise<void> => dvdcli(p, 'mount', 'v');
const dvdcliScenarios = (daemon: boolean): readonly Unmeasured[] =>
  [
    { name: 'create', run: (p: Programs) => dvdcli(p, 'create', 'x', '--volumeopts=size=1') },
    { name: 'mount', run: mounting },
    { name: 'mount (format)', run: (p: Programs) => dvdcli(p, 'mount', 'blank') },
    { name: 'unmount', before: mounting, run: (p: Programs) => dvdcli(p, 'unmount', 'v') },
    { name: 'remove', run: (p: Programs) => dvdcli(p, 'remove', 'v'), audited: { removes: 'v' } },
  ].map((s) => ({
    ...s,
    name: `dvdcli${daemon ? ' over the plugin' : ''}: ${s.name}`,
    daemon,
    client: true as const,
  }));

export const PROGRAM_SCENARIOS: readonly ProgramScenario[] = [
  ...REST,
  ...DOCKER,
  ...dvdcliScenarios(false),
  ...dvdcliScenarios(true),
].map((s) => ({ ...s, least: floorOf(s.name) }));

/** @throws for a scenario that was never counted: nobody would see its steps vanish */
function floorOf(name: string): Least {
  const least = LEAST[name];
  if (least === undefined) throw new Error(`"${name}" has no least number of points`);
  return least;
}
