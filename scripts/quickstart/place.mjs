/** Where one quick start lives: a directory of its own, with a note about who made it and what must be given back. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PREFIX = 'rexray-quickstart-';
export const REMOVE = 'libstorage.integration.volume.operations.remove.disable';
const NOTE = 'quickstart.json';

/** A process, so that another one that got its number is not taken for it. */
function processIdentity(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return {
    pid,
    starttime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    namespace: readlinkSync('/proc/self/ns/pid'),
  };
}

/** What REX-Ray is told by environment, so that everything is below `dir`. */
export const environment = (dir) => ({
  HOME: join(dir, 'home'),
  REXRAY_HOME_ETC: join(dir, 'etc/rexray'),
  REXRAY_HOME_LIB: join(dir, 'var/lib/rexray'),
  REXRAY_HOME_LOG: join(dir, 'var/log/rexray'),
  REXRAY_HOME_RUN: join(dir, 'run/rexray'),
});

/** Makes the place and its configuration file; for `system` it holds nothing but that and the note. */
export function makePlace({ system, service }) {
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  const place = {
    dir,
    system,
    config: join(dir, 'etc/rexray/config.yml'),
    owner: processIdentity(process.pid),
    made: {},
  };
  writeNote(place);
  mkdirSync(join(dir, 'etc/rexray'), { recursive: true });
  const text = readFileSync(new URL('config.yml', import.meta.url), 'utf8').replaceAll('local-loop', service);
  // The driver's own default is the system's own place.
  writeFileSync(place.config, system ? text.slice(0, text.indexOf(`\n${service}:`) + 1) : text);
  return place;
}

function writeNote({ dir, ...note }) {
  writeFileSync(join(dir, `${NOTE}.new`), JSON.stringify(note), { flush: true });
  renameSync(join(dir, `${NOTE}.new`), join(dir, NOTE));
}

/** @returns the place of a directory; throws when it has no note */
export const readPlace = (dir) => ({ dir, ...JSON.parse(readFileSync(join(dir, NOTE), 'utf8')) });

/** Notes what was made at the system's own places: only what is noted is ever removed there. `kind`: `volumes` or `snapshots`. */
export function note(place, kind, id) {
  place.made = { ...place.made, [kind]: [...(place.made[kind] ?? []), id] };
  writeNote(place);
}

/** Whether the process that made the place is still there; undefined when that cannot be known from here. */
export function isAlive({ owner }) {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  if (owner.boot !== boot) return false;
  if (owner.namespace !== readlinkSync('/proc/self/ns/pid')) return undefined;
  try {
    return processIdentity(owner.pid).starttime === owner.starttime;
  } catch {
    return false;
  }
}

/** Removes the directory of a place in which nothing is mounted any more. Mountpoints of a killed run are immutable. */
export function removeDir(dir) {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (e) {
    if (e.code !== 'EPERM') throw e;
    execFileSync('chattr', ['-R', '-f', '-i', join(dir, 'var/lib/rexray/volumes')], { stdio: 'ignore' });
    rmSync(dir, { recursive: true, force: true });
  }
}
