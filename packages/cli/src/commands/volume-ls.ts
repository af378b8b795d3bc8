import { VOLUME, VOLUME_PATH } from '../columns.ts';
import { type Context, callOf } from '../context.ts';
import { print } from '../output.ts';
import { everyVolume, listed, namesFor, type OldNames, wordsWith } from './matching.ts';
import { chosen, type VolumeChoice } from './volume-choice.ts';

export async function ls(c: Context, names: readonly string[], o: OldNames & VolumeChoice): Promise<number> {
  const words = [...names, ...[o.volumeName, o.volumeID].filter((x) => x !== undefined)];
  const volumes = chosen(listed(await everyVolume(c), words), o);
  await print(c.io, c.printing, volumes, { rows: volumes, columns: o.path === true ? VOLUME_PATH : VOLUME });
  return 0;
}

/** For scripts: the path alone; nothing, and status 0, for one that is not mounted, as REX-Ray 0.3 did. */
export async function path(c: Context, names: readonly string[], o: OldNames): Promise<number> {
  const found = [];
  for (const name of await namesFor(c, wordsWith(names, o), 'act'))
    found.push(await c.integration.get(name, callOf(c)));
  const paths = found.map((v) => ({ name: v.name, path: v.mountpoint ?? '' }));
  await print(c.io, c.printing, paths, { lines: paths.map((p) => p.path).filter((p) => p !== '') });
  return 0;
}
