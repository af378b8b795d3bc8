import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `<run>/rexray.pid`: the pid, as REX-Ray wrote it, and below it what tells the process from a later one of the same pid. */
export const pidPath = (runDir: string): string => join(runDir, 'rexray.pid');

/** Field 22 of /proc/PID/stat; undefined when there is no such process, or it is a zombie. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything, brackets too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function writePid(runDir: string): void {
  const path = pidPath(runDir);
  const text = `${process.pid}\n${startTime(process.pid) ?? ''}\n`;
  writeFileSync(`${path}.new`, text, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

/** Takes the file away if it is still this process's. */
export function removePid(runDir: string): void {
  if (readPid(runDir) === process.pid) rmSync(pidPath(runDir), { force: true });
}

/** The daemon's pid; undefined where no daemon of these places runs, also where its pid has gone to somebody else. */
export function readPid(runDir: string): number | undefined {
  let lines: string[];
  try {
    lines = readFileSync(pidPath(runDir), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const now = startTime(pid);
  return now !== undefined && now === lines[1]?.trim() ? pid : undefined;
}
