import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { preen } from './e2fsck.ts';
import { type Ext4Superblock, readExt4 } from './ext4.ts';
import { programError, runProgram, type Tools } from './programs.ts';
import { type Place, syncPath } from './reader.ts';

const PREFIX = 'rexray-resize-';

/** Its name says for which state of which file system it is good: after a mount or a check it fits no more. */
const undoFile = (sb: Ext4Superblock, tools: Tools): string =>
  join(tools.scratchDir, `${PREFIX}${sb.uuid}-${sb.touched}.e2undo`);

function dropUndoFiles(uuid: string, tools: Tools): void {
  for (const name of readdirSync(tools.scratchDir)) {
    if (name.startsWith(`${PREFIX}${uuid}-`)) rmSync(join(tools.scratchDir, name), { force: true });
  }
}

/**
 * Takes back a resize2fs that was killed: e2fsck alone refuses what it leaves behind. After a kill at any of its writes,
 * undoing and `e2fsck -p` gave the file system from before. e2undo answers 1 when it finds that nothing was changed yet.
 * @param keep in a copy: its original, which has the same UUID and may be in the same state, needs the file as well
 * @returns whether there was one
 */
export async function undoResize(place: Place, tools: Tools, keep = false): Promise<boolean> {
  const sb = await readExt4(place);
  if (sb === undefined || !existsSync(undoFile(sb, tools))) return false;
  await runProgram(tools, 'e2undo', ['--', undoFile(sb, tools), place.path]);
  await preen(place, true, tools);
  syncPath(place.path);
  if (!keep) dropUndoFiles(sb.uuid, tools);
  return true;
}

/**
 * Grows an unmounted ext4 to its device. All that resize2fs overwrites goes to an undo file first, which outlives a kill;
 * not a power cut, since neither program flushes in between.
 */
export async function resizeOffline(place: Place, tools: Tools): Promise<void> {
  await undoResize(place, tools);
  await preen(place, true, tools);
  const sb = await readExt4(place);
  if (sb === undefined) return;
  dropUndoFiles(sb.uuid, tools);
  const said = await runProgram(tools, 'resize2fs', ['-z', undoFile(sb, tools), '--', place.path]);
  if (said.exitCode !== 0) {
    await undoResize(place, tools);
    throw programError('resize2fs', place.path, said);
  }
  syncPath(place.path);
  dropUndoFiles(sb.uuid, tools);
}
