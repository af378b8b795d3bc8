/** Who has a device mounted or open, found by scanning /proc; only on the way to an error, or for shares and directories. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { MountEntry, User } from '@rexray/core';
import { devnoOf } from '@rexray/kernel';
import { readMounts } from './mountinfo.ts';
import { allPids, commandOf, procLink } from './processes.ts';

const MOST = 64;

/** A row of another process's mount table that is the thing looked for. */
export type IsIt = (row: MountEntry) => boolean;

export interface SeenMount {
  readonly pid: number;
  /** In our own mount namespace. */
  readonly own: boolean;
  readonly row: MountEntry;
}

/**
 * Mounts of it in all mount namespaces that this process can see: in our own once, in others with each of their
 * processes. A namespace whose link we may not read is known by the id of its first mount, unique on the host.
 */
export function mountsEverywhere(isIt: IsIt): SeenMount[] {
  const ours = readMounts();
  const first = ours[0]?.mountId;
  const found: SeenMount[] = ours.filter(isIt).map((row) => ({ pid: process.pid, own: true, row }));
  const tables = new Map<string, { readonly own: boolean; readonly rows: readonly MountEntry[] }>();
  for (const pid of allPids()) {
    const link = procLink(`/proc/${pid}/ns/mnt`);
    let table = link === undefined ? undefined : tables.get(link);
    if (table === undefined) {
      const rows = tableOf(pid);
      table = { own: rows[0]?.mountId === first, rows: rows.filter(isIt) };
      if (link !== undefined && rows.length > 0) tables.set(link, table);
    }
    if (table.own || found.length >= MOST) continue;
    for (const row of table.rows) found.push({ pid, own: false, row });
  }
  return found;
}

function tableOf(pid: number): MountEntry[] {
  try {
    return readMounts(`/proc/${pid}`);
  } catch {
    return []; // ended meanwhile; EINVAL for a zombie
  }
}

/**
 * Processes that use a device or a mount: those of other mount namespaces that have it mounted, and everybody with a
 * file, directory or mapping of one of its mounts, or the device itself, open.
 */
export function usersOf(isIt: IsIt, o: { readonly devicePath?: string } = {}): User[] {
  const mounts = mountsEverywhere(isIt);
  const users = new Map<number, User>();
  for (const { pid, own } of mounts) {
    if (!own && pid !== process.pid) users.set(pid, { pid, command: commandOf(pid), how: 'mount' });
  }
  const ids = new Set(mounts.map(({ row }) => row.mountId));
  const targets = mounts.map(({ row }) => row.target);
  const rdev = o.devicePath === undefined ? undefined : deviceNumber(o.devicePath);
  for (const pid of allPids()) {
    if (users.size >= MOST) break;
    if (pid === process.pid || users.has(pid)) continue;
    if (opens(pid, ids, targets, rdev)) users.set(pid, { pid, command: commandOf(pid), how: 'open' });
  }
  return [...users.values()];
}

function deviceNumber(path: string): string | undefined {
  try {
    return devnoOf(statSync(path).rdev);
  } catch {
    return undefined;
  }
}

function opens(pid: number, ids: ReadonlySet<number>, targets: readonly string[], rdev: string | undefined): boolean {
  const below = (link: string | undefined): boolean =>
    link !== undefined && targets.some((t) => link === t || link.startsWith(`${t}/`));
  if (
    below(procLink(`/proc/${pid}/cwd`)) ||
    below(procLink(`/proc/${pid}/root`)) ||
    below(procLink(`/proc/${pid}/exe`))
  ) {
    return true;
  }
  let fds: string[];
  try {
    fds = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return false;
  }
  return fds.some((fd) => fdUses(pid, fd, ids, rdev)) || mapped(pid, targets);
}

/** By mount id, which answers without touching the file: a hung file system must not hang the scan. */
function fdUses(pid: number, fd: string, ids: ReadonlySet<number>, rdev: string | undefined): boolean {
  try {
    const id = /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
    if (id !== undefined && ids.has(Number(id))) return true;
    if (rdev === undefined) return false;
    const link = procLink(`/proc/${pid}/fd/${fd}`);
    return link?.startsWith('/dev/') === true && devnoOf(statSync(link).rdev) === rdev;
  } catch {
    return false;
  }
}

function mapped(pid: number, targets: readonly string[]): boolean {
  if (targets.length === 0) return false;
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    return targets.some((t) => maps.includes(` ${t}/`));
  } catch {
    return false;
  }
}

/** `pid 12 (nginx), pid 40 (bash)`, at most five. */
export function nameUsers(users: readonly User[]): string {
  const named = users.slice(0, 5).map(({ pid, command }) => `pid ${pid} (${command || '?'})`);
  return named.join(', ') + (users.length > 5 ? ` and ${users.length - 5} more` : '');
}
