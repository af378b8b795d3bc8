import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProcessIdentity } from '@rexray/core';

let boot: string | undefined;
/** Changes with every boot. */
export const bootId = (): string => {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
};

/** State letter and start time (field 22) of a `stat` file; the command in it may hold blanks and brackets. */
function parseStat(stat: string): { readonly state: string; readonly starttime: string } {
  const f = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: f[0] ?? 'X', starttime: f[19] ?? '0' };
}

const DEAD = /[ZXx]/;

/** Whether any thread still runs: a killed process shows Z for its leader while others hang in the kernel. */
function anyThreadLives(pid: number): boolean {
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      if (!DEAD.test(parseStat(readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1')).state)) return true;
    } catch {
      // the thread ended meanwhile
    }
  }
  return false;
}

/** Identity of a living process of this host; undefined when it is gone, or a zombie without threads. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const { state, starttime } = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    if (DEAD.test(state) && !anyThreadLives(pid)) return undefined;
    return { bootId: bootId(), pid, starttime };
  } catch {
    return undefined;
  }
}

/** Command name of a process for messages; empty when it ended. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

export const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Target of a link in /proc; undefined when the process ended or is not ours to see. */
export function procLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** A scan of /proc sees every process of the host only from the first pid namespace (its inode number is fixed). */
export const inHostPidNamespace = (): boolean => procLink('/proc/self/ns/pid') === 'pid:[4026531836]';
