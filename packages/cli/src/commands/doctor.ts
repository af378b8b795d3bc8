import { isVolumeError, type Orphan } from '@rexray/core';
import { type EffectiveConfig, loadConfig } from '@rexray/runtime/config';
import type { Examination } from '@rexray/runtime/daemon';
import type { GlobalFlags } from '../context.ts';
import { type Column, print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';
import { daemonStatus } from './control.ts';

/** One thing that was looked at. */
interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'missing' | 'odd' | 'error' | 'orphan' | 'fixed';
  readonly found: string;
  /** What to do. */
  readonly next?: string;
}
const FINDING: readonly Column<Finding>[] = [
  { head: 'Check', cell: (f) => f.check, gives: 3 },
  { head: 'State', cell: (f) => f.state, state: true },
  { head: 'Found', cell: (f) => f.found, gives: 2 },
  { head: 'Next', cell: (f) => f.next ?? '', gives: 1 },
];
type DoctorFlags = GlobalFlags & { fix?: boolean; dryRun?: boolean };

/** @returns 0 when all is well, 1 when something is missing, in error, or an orphan is left */
export async function doctor(p: Plain<DoctorFlags>): Promise<number> {
  const findings: Finding[] = [runtime(), await daemon(p)];
  const config = await configuration(p, findings);
  if (config !== undefined) await machine(p, config, findings);
  await print(p.io, p.printing, findings, { rows: findings, columns: FINDING });
  return findings.some((f) => ['missing', 'error', 'orphan'].includes(f.state)) ? 1 : 0;
}

const runtime = (): Finding => ({ check: 'Node', state: 'ok', found: process.versions.node });

async function daemon(p: Plain): Promise<Finding> {
  const s = await daemonStatus(p.io);
  if (!s.running)
    return { check: 'daemon', state: 'odd', found: 'stopped', next: 'rexray start, or systemctl start rexray' };
  return s.problem === undefined
    ? { check: 'daemon', state: 'ok', found: `running${s.pid === undefined ? '' : ` at PID ${s.pid}`}` }
    : { check: 'daemon', state: 'error', found: s.problem, next: 'rexray logs' };
}

/** The configuration, or undefined and why there is none. */
async function configuration({ io, flags, redactor }: Plain, out: Finding[]): Promise<EffectiveConfig | undefined> {
  try {
    const config = await loadConfig(configOptions(flags, io));
    out.push({ check: 'configuration', state: 'ok', found: config.files.join(', ') || 'no file' });
    for (const w of config.warnings) out.push({ check: 'configuration', state: 'odd', found: w });
    const { checkServices } = await import('@rexray/runtime/daemon');
    const { services, warnings } = await checkServices(config);
    for (const s of services) redactor.learn(s.schemas, s.config);
    for (const w of warnings) out.push({ check: 'configuration', state: 'odd', found: w });
    for (const s of services) out.push({ check: `service ${s.name}`, state: 'ok', found: `driver ${s.driver}` });
    if (services.length === 0)
      out.push({ check: 'services', state: 'missing', found: 'none is configured', next: 'rexray config init' });
    return config;
  } catch (e) {
    out.push(failed('configuration', e));
    return undefined;
  }
}

const failed = (check: string, e: unknown): Finding => {
  if (!isVolumeError(e)) throw e;
  return { check, state: 'error', found: e.message, ...(e.hint !== undefined && { next: e.hint }) };
};

async function machine(p: Plain<DoctorFlags>, config: EffectiveConfig, out: Finding[]): Promise<void> {
  const { examine } = await import('@rexray/runtime/daemon');
  let it: Examination;
  try {
    it = await examine(config, {
      debug() {},
      info() {},
      // A reconcile tells what it gave back, a service why it could not be opened.
      warn: (about, m) => out.push({ check: placed(about), state: 'odd', found: p.redactor.text(m) }),
      error: (about, m) =>
        out.push({
          check: placed(about),
          state: 'error',
          found: p.redactor.text(`${m}: ${String((about as { err?: unknown }).err ?? '')}`),
        }),
    });
  } catch (e) {
    out.push(failed('state', e));
    return;
  }
  try {
    out.push(...facts(it));
    for (const o of it.orphans) out.push(await orphan(p, it, o));
    if (it.orphans.length === 0) out.push({ check: 'orphans', state: 'ok', found: 'none' });
  } finally {
    await it.close();
  }
}

const placed = (about: object): string => {
  const { service, volume } = about as { service?: string; volume?: string };
  return volume === undefined ? `service ${service ?? '?'}` : `volume ${volume}`;
};

function* facts({ facts: f }: Examination): Generator<Finding> {
  yield f.root
    ? { check: 'root', state: 'ok', found: 'yes' }
    : {
        check: 'root',
        state: 'odd',
        found: 'no: only volumes that are directories can be mounted',
        next: 'run it as root',
      };
  yield f.loop
    ? { check: 'loop devices', state: 'ok', found: 'yes' }
    : {
        check: 'loop devices',
        state: f.root ? 'missing' : 'odd',
        found: '/dev/loop-control cannot be used',
        next: 'modprobe loop; a container needs --privileged or --device /dev/loop-control',
      };
  // Programs that mount shares are needed by whoever has shares.
  for (const [program, pkg] of Object.entries(f.missing))
    yield {
      check: program,
      state: program.startsWith('mount.') ? 'odd' : 'missing',
      found: 'not installed',
      next: `apt-get install ${pkg}`,
    };
  yield { check: 'kernel', state: 'ok', found: f.kernel };
}

/** With --fix what can be given back is; without it, and with --dryRun, it is only said. */
async function orphan(p: Plain<DoctorFlags>, it: Examination, o: Orphan): Promise<Finding> {
  const check = `${o.kind} ${o.volume}`;
  const about = { check, found: p.redactor.text(o.found) };
  if (o.fix === undefined) {
    // An image that somebody put there is no fault of this machine.
    return { ...about, state: o.kind === 'image' ? 'odd' : 'orphan', ...(o.hint !== undefined && { next: o.hint }) };
  }
  if (p.flags.fix !== true) return { ...about, state: 'orphan', next: `rexray doctor --fix would ${o.fix}` };
  if (p.flags.dryRun === true) return { ...about, state: 'orphan', next: `--fix would ${o.fix}; nothing was done` };
  try {
    await it.giveBack(o);
    return { ...about, state: 'fixed', next: o.fix };
  } catch (e) {
    return { ...failed(check, e), state: 'orphan' };
  }
}
