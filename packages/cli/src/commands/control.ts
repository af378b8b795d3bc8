import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isVolumeError, VolumeError } from '@rexray/core';
import { connect, type RemoteHealth } from '@rexray/rest-client';
import { placesOf } from '@rexray/runtime/config';
import { readPid, startTime } from '../daemon/pid-file.ts';
import type { Io } from '../io.ts';
import { forPeople, print } from '../output.ts';
import type { Plain } from '../table/row.ts';
import { ran, UNIT, unitActive, unitPid } from './systemd.ts';

/** The daemon drains for 30 s and rolls back for 10; then something is wrong. In ms. */
const END_WITHIN_MS = 60_000;
/** As init systems have it: not running. */
const STOPPED = 3;

const runDir = (io: Io): string =>
  placesOf({ env: io.env as Record<string, string>, root: process.geteuid?.() === 0 }).run;

export interface DaemonStatus {
  readonly running: boolean;
  readonly pid?: number;
  readonly socket: string;
  readonly health?: RemoteHealth;
  readonly problem?: string;
}

export async function daemonStatus(io: Io): Promise<DaemonStatus> {
  const run = runDir(io);
  const socket = join(run, 'rexray.sock');
  const pid = readPid(run);
  const client = connect({ socketPath: socket });
  try {
    const health = await client.health({ timeoutMs: 5_000 });
    return { running: true, ...(pid !== undefined && { pid }), socket, health };
  } catch (e) {
    if (!isVolumeError(e)) throw e;
    if (pid === undefined && isVolumeError(e, 'unavailable') && /ENOENT|ECONNREFUSED/.test(e.details.found ?? ''))
      return { running: false, socket };
    return { running: true, ...(pid !== undefined && { pid }), socket, problem: e.text };
  } finally {
    client.close();
  }
}

export async function status({ io, printing }: Plain): Promise<number> {
  const s = await daemonStatus(io);
  const first = s.running ? `REX-Ray is running${s.pid === undefined ? '' : ` at PID ${s.pid}`}` : 'REX-Ray is stopped';
  const lines = printing.quiet ? [first] : [first, ...about(s)];
  await print(io, printing, s, { lines });
  return s.running ? 0 : STOPPED;
}

function about({ health, problem, socket }: DaemonStatus): readonly string[] {
  if (problem !== undefined) return [`Socket: ${socket}`, `Problem: ${problem}`];
  if (health === undefined) return [];
  const services = health.services.map((s) => `${s}${s === health.defaultService ? ' (default)' : ''}`);
  return [
    `Socket: ${socket}`,
    `Version: ${health.version}`,
    `Since: ${health.startedAt}`,
    `Services: ${services.join(', ') || 'none'}`,
    `Operations: ${health.operations}`,
    ...(health.ok ? [] : [`Problem: ${health.detail ?? 'it says that it is not well'}`]),
  ];
}

const notRunning = (): VolumeError<'not_found'> =>
  new VolumeError('not_found', 'REX-Ray is stopped.', {
    details: { what: 'daemon' },
    hint: 'Start it with "rexray start", or "systemctl start rexray" after "rexray install".',
  });

/** Of the daemon of these places: the unit's where systemd runs it, else the one whose pid is written down. */
function daemonPid(io: Io): { readonly pid: number; readonly unit: boolean } | undefined {
  const own = readPid(runDir(io));
  const unit = own !== undefined && unitActive() && unitPid() === own;
  return own === undefined ? undefined : { pid: own, unit };
}

export async function stop({ io, printing }: Plain): Promise<number> {
  const it = daemonPid(io);
  if (it === undefined) {
    // Already so is what was asked for.
    await print(io, printing, { running: false }, { lines: ['REX-Ray is stopped'] });
    return 0;
  }
  await end(it);
  await print(io, printing, { running: false, pid: it.pid }, { lines: ['REX-Ray is stopped'] });
  return 0;
}

async function end({ pid, unit }: { readonly pid: number; readonly unit: boolean }): Promise<void> {
  if (unit) return systemctl('stop');
  const began = startTime(pid);
  signal(pid, 'SIGTERM');
  for (const until = performance.now() + END_WITHIN_MS; startTime(pid) === began && began !== undefined; ) {
    if (performance.now() > until)
      throw new VolumeError('timeout', `The daemon (pid ${pid}) has not ended within ${END_WITHIN_MS / 1000} s.`, {
        details: { afterMs: END_WITHIN_MS, step: 'stop' },
        hint: 'See "rexray logs": a call may hang in the kernel. Nothing was killed.',
      });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code ?? String(e);
    if (code === 'ESRCH') return;
    throw new VolumeError('denied', `This user may not signal the daemon (pid ${pid}): ${code}.`, {
      details: { rule: 'permissions of the process', found: code },
      hint: 'Run it as the user that started it; mostly that is root.',
    });
  }
}

function systemctl(verb: string): void {
  const r = ran('systemctl', verb, UNIT);
  if (r.status === 0) return;
  throw new VolumeError('unavailable', `systemctl ${verb} ${UNIT} ended with ${r.status}: ${r.err.trim()}`, {
    details: { found: r.err.trim() },
    hint: `See "systemctl status ${UNIT}" and "rexray logs".`,
  });
}

/** Under systemd the unit is restarted; else it serves in the foreground, as "start" does. */
export async function restart(p: Plain): Promise<number> {
  const it = daemonPid(p.io);
  if (it?.unit === true) {
    systemctl('restart');
    return status(p);
  }
  if (it !== undefined) await end(it);
  const { start } = await import('./start.ts');
  return start(p);
}

export async function reload({ io, printing }: Plain): Promise<number> {
  const it = daemonPid(io);
  if (it === undefined) throw notRunning();
  signal(it.pid, 'SIGHUP');
  const lines = ['The daemon reads its configuration again; "rexray logs" says whether it was applied.'];
  await print(io, printing, { pid: it.pid }, { lines: forPeople(printing) && printing.quiet ? [] : lines });
  return 0;
}

/** In REX-Ray's words and order. */
export async function initsys({ io, printing }: Plain): Promise<number> {
  const dirs = (io.env.PATH ?? '').split(delimiter);
  const has = (program: string): boolean => dirs.some((d) => d !== '' && existsSync(join(d, program)));
  const found = has('systemctl') ? 'systemd' : (['update-rc.d', 'chkconfig'].find(has) ?? 'unknown');
  await print(io, printing, { initSystem: found }, { lines: [found] });
  return 0;
}
