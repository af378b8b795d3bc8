import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export const UNIT = 'rexray.service';

/** Whether systemd is this machine's init system, and not only installed. */
export const systemdRuns = (): boolean => existsSync('/run/systemd/system');

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Status 127 where the program is missing. */
export function ran(program: string, ...args: readonly string[]): Said {
  const r = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 });
  return { status: r.status ?? 127, out: r.stdout ?? '', err: r.stderr ?? String(r.error?.message ?? '') };
}

/** The unit is installed, known to systemd, and serves these places. */
export function unitActive(): boolean {
  return systemdRuns() && ran('systemctl', 'is-active', '--quiet', UNIT).status === 0;
}

/** The pid of the unit's main process. */
export function unitPid(): number | undefined {
  const pid = Number(ran('systemctl', 'show', '--property=MainPID', '--value', UNIT).out.trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
