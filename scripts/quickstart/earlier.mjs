/** What earlier quick starts left behind when they were killed: found by their notes, given back through REX-Ray. */
import { lstatSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRexray } from '@rexray/runtime';
import { environment, isAlive, PREFIX, REMOVE, readPlace, removeDir } from './place.mjs';
import { machineState, say } from './report.mjs';

/** Places below the temporary directory that this user made: anybody may make a directory with such a name. */
function places() {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(PREFIX))
    .flatMap((name) => {
      const dir = join(tmpdir(), name);
      try {
        const s = lstatSync(dir);
        return s.isDirectory() && s.uid === process.geteuid() ? [readPlace(dir)] : [];
      } catch {
        return []; // no note: it is not ours, or it is gone meanwhile
      }
    });
}

/** Cleans up after runs that were killed. Throws for `--system` while another such run is at work: both use the same names. */
export async function cleanEarlier({ system }) {
  for (const place of places()) {
    const alive = isAlive(place);
    if (alive === false) {
      say(`an earlier quick start was killed: what it left under ${place.dir} is given back`);
      await clean(place);
    } else if (system && place.system) {
      throw new Error(
        `Another quick start uses the system's own places now (process ${place.owner.pid}). Wait for it.`,
      );
    }
  }
}

/** @returns whether nothing is left; says how to remove the rest by hand otherwise */
export async function clean(place) {
  let why;
  try {
    await giveBack(place);
  } catch (e) {
    why = e;
  }
  const left = place.system ? { loops: [], mounts: [] } : machineState(place.dir);
  if (why === undefined && left.loops.length === 0 && left.mounts.length === 0) {
    removeDir(place.dir);
    return true;
  }
  console.error(why?.text ?? why ?? 'Something is mounted still.');
  console.error(`Not everything of ${place.dir} could be given back; the next quick start tries again. By hand:`);
  for (const target of left.mounts) console.error(`  umount ${target}`);
  for (const loop of left.loops) console.error(`  losetup --detach ${loop.split(/\s+/)[0]}`);
  console.error(`  chattr -R -f -i ${place.dir}; rm -r ${place.dir}`);
  return false;
}

/** Everything below a place of its own; at the system's own places only what the note names. */
async function giveBack(place) {
  const ours = (kind, id) => !place.system || (place.made[kind] ?? []).includes(id);
  const env = place.system ? process.env : { ...process.env, ...environment(place.dir) };
  const rex = await openRexray({ config: place.config, env, overrides: { [REMOVE]: false }, watch: false });
  try {
    const volumes = rex.service();
    // At the system's own places somebody else may use it by now: then it stays, and the error says who.
    const release = place.system ? { idle: 'drop' } : {};
    for await (const v of volumes.volumes())
      for (const h of ours('volumes', v.id) ? v.holders : []) await volumes.holders.release(v.name, h.holder, release);
    for (const s of (await volumes.snapshots.list()).items)
      if (ours('snapshots', s.id)) await volumes.snapshots.remove(s.name);
    for await (const v of volumes.volumes()) if (ours('volumes', v.id)) await volumes.remove(v.name);
  } finally {
    await rex.close();
  }
}
