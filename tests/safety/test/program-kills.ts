import { Cleanup } from '@rexray/rig';
import { audit } from '../src/after.ts';
import type { Role } from '../src/program-order.ts';
import type { ProgramScenario } from '../src/program-scenarios.ts';
import { Programs, type Running } from '../src/programs.ts';
import { copyOf } from './kills.ts';

export interface Blow {
  readonly scenario: ProgramScenario;
  readonly role: Role;
  /** -1 = nothing is struck, all points are told. */
  readonly at: number;
  readonly what?: string;
}
export const ROLES: readonly Role[] = ['program', 'host', 'driver'];
/** A worker that died is replaced; what it was doing answers `busy` or `unavailable` until then. */
const AGAIN_MS = 60_000;

export type Struck = Record<Role, readonly string[]> & { readonly fell: boolean };

/**
 * Kills one process of the programs at one point, starts what is missing, calls again, audits. A blow does not fall where
 * the process has fewer steps this time: two host processes share those of a verb on two volumes as they come, and what is
 * started for a verb may read its answer in one piece or in two.
 */
export async function strike(base: string, compiled: string, b: Blow): Promise<Struck> {
  const { scenario, role, at } = b;
  const where = `${scenario.name}, ${role} at ${at}${b.what === undefined ? '' : ` (${b.what})`}`;
  const own = new Cleanup();
  const home = copyOf(own, base);
  try {
    const p = new Programs(own, home, compiled);
    let daemon = scenario.daemon ? await p.daemon() : undefined;
    await patiently('before it', async () => scenario.before?.(p));
    for (const r of at < 0 ? ROLES : [role]) p.arm(r, at);
    const failed = await scenario.run(p).then(
      () => undefined,
      (e: unknown) => e,
    );
    // A reply is told before the blow that follows it falls.
    if (role === 'program' && at >= 0 && scenario.client !== true) await daemon?.ended;
    const all = { program: p.disarm('program'), host: p.disarm('host'), driver: p.disarm('driver') };
    if (at < 0 && failed !== undefined) throw failed;
    const fell = all[role].struck;
    if (at >= 0 && !fell && role === 'program' && scenario.client !== true) throw new Error('the blow did not fall');
    daemon = daemon?.over === true ? await p.daemon() : daemon;
    await patiently('called again', () => (scenario.again ?? scenario.run)(p));
    await end(daemon);
    const { points: program } = all.program;
    await audit(
      home,
      { name: scenario.name, least: 0, run: async () => {}, ...scenario.audited, again: async () => {} },
      where,
    );
    return { program, host: all.host.points, driver: all.driver.points, fell };
  } catch (e) {
    throw new Error(`${where}: ${String((e as Error).message)}`, { cause: e });
  } finally {
    await own.run();
  }
}

/** Until it succeeds: a loaded machine starts a worker process late, and one that died is replaced. */
async function patiently(what: string, f: () => Promise<unknown>): Promise<void> {
  for (const end = performance.now() + AGAIN_MS; ; ) {
    try {
      await f();
      return;
    } catch (e) {
      if (performance.now() > end) throw new Error(`${what}: ${String(e)}`, { cause: e });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** By SIGKILL: told to end, it would leave a process that looks after what is mounted. */
const end = async (daemon: Running | undefined): Promise<void> => daemon?.kill();
