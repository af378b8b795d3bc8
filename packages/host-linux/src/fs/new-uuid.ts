import { type FsType, isVolumeError, VolumeError } from '@rexray/core';
import { readBtrfs } from './btrfs.ts';
import { changeBtrfsUuid } from './btrfs-uuid.ts';
import { check } from './check.ts';
import { preen } from './e2fsck.ts';
import { readExt4 } from './ext4.ts';
import { readSuperblock } from './probe.ts';
import { firstLines, programError, runProgram, type Said, type Tools } from './programs.ts';
import { type Place, syncPath, withReader } from './reader.ts';
import { parseXfs } from './xfs.ts';
import { changeXfsUuid } from './xfs-uuid.ts';

export interface NewUuidOptions {
  readonly fsType: FsType;
  /** In lower case. */
  readonly uuid: string;
}

/**
 * Mounts the device somewhere private and unmounts it, so that the kernel replays the log; xfs with `nouuid`, because the
 * original may be mounted here.
 */
export type ReplayLog = (fsType: FsType) => Promise<void>;

const FRESHLY_CHECKED = /freshly checked|run e2fsck/i;

async function tune(place: Place, args: readonly string[], tools: Tools): Promise<void> {
  const run = (): Promise<Said> => runProgram(tools, 'tune2fs', [...args, '--', place.path]);
  let said = await run();
  if (said.exitCode !== 0 && FRESHLY_CHECKED.test(said.text)) {
    await preen(place, true, tools);
    said = await run();
  }
  if (said.exitCode !== 0) throw programError('tune2fs', place.path, said);
}

/**
 * Where metadata checksums contain the UUID, tune2fs would rewrite all of them and a kill would leave half of them
 * wrong. Storing the old seed first makes the change one write of the superblock (Linux 4.4 and later mount it).
 */
async function ext4Uuid(place: Place, uuid: string, tools: Tools): Promise<void> {
  const before = await readExt4(place);
  if (before?.uuid === uuid && before.clean === true) return;
  if (before?.metadataCsum === true && !before.csumSeed) await tune(place, ['-O', 'metadata_csum_seed'], tools);
  await tune(place, ['-U', uuid], tools);
}

/** Every allocation group has it: a change that was interrupted has reached some only. */
const xfsHasUuid = (place: Place, uuid: string): Promise<boolean> =>
  withReader(place, (reader) => {
    const first = parseXfs(reader.read(0, 4096), 0, reader.sizeBytes);
    if (first?.kind !== 'ok' || first.uuid !== uuid) return false;
    for (let ag = 1; ag < first.agCount; ag++) {
      const copy = parseXfs(reader.read(ag * first.agBytes, 4096), ag * first.agBytes, Number.MAX_SAFE_INTEGER);
      if (copy?.uuid !== uuid) return false;
    }
    return true;
  });

async function xfsUuid(place: Place, uuid: string, tools: Tools): Promise<void> {
  if (await xfsHasUuid(place, uuid)) return;
  if (await changeXfsUuid(place, uuid)) return;
  const said = await runProgram(tools, 'xfs_admin', ['-U', uuid, '--', place.path]);
  // xfs_admin answers 0 when it refused because of a dirty log: only reading back tells.
  if (said.exitCode !== 0 || !(await xfsHasUuid(place, uuid))) throw programError('xfs_admin', place.path, said);
}

/**
 * `-U` rewrites the header of every metadata block; killed at any of its writes, it is finished by a second run. It refuses
 * a file system that has been through `-M`, where our own change is one write; `-M` remains for shapes that we cannot write.
 */
async function btrfsUuid(place: Place, uuid: string, tools: Tools): Promise<void> {
  const before = await readBtrfs(place);
  if (before?.uuid === uuid && before.clean === true) return;
  if (await changeBtrfsUuid(place, uuid)) return;
  const tuneTo = (...args: string[]): Promise<Said> => runProgram(tools, 'btrfstune', ['-f', ...args, place.path]);
  let said = await tuneTo('-U', uuid);
  if (said.exitCode !== 0 && said.text.includes('unfinished fsid change')) {
    // Another UUID was begun: nothing else is possible before that one is in place.
    said = await tuneTo('-u');
    if (said.exitCode === 0) said = await tuneTo('-U', uuid);
  } else if (said.exitCode !== 0 && said.text.includes('METADATA_UUID')) {
    said = await tuneTo('-M', uuid);
  }
  if (said.exitCode !== 0) throw programError('btrfstune', place.path, said);
}

/** A btrfs in the middle of a change of its UUID passes no check and mounts nowhere before the change is finished. */
const isHalfChanged = async (place: Place, fsType: FsType): Promise<boolean> => {
  const sb = fsType === 'btrfs' ? await readBtrfs(place) : undefined;
  return sb?.changingUuid === true && sb.failed !== true;
};

/**
 * Nothing is changed in what is damaged (S24); what is not damaged has no log afterwards. Also btrfs: btrfstune moves the
 * generation on, after which the log that fsync wrote cannot be read any more.
 */
async function assertSound(place: Place, fsType: FsType, replay: ReplayLog, tools: Tools): Promise<void> {
  if (await isHalfChanged(place, fsType)) return;
  const checked = await check(place, { fsType, repair: true, copy: true }, tools);
  if (checked.clean || fsType === 'ext4') return;
  await replay(fsType);
  const found = await readSuperblock(place);
  if (found?.verdict === 'fs' && found.clean !== false) return;
  throw new VolumeError('data_loss', `The log of the ${fsType} on ${place.path} was not replayed by a mount.`, {
    details: { ...(found?.found !== undefined && { found: found.found }) },
  });
}

const AGAIN =
  'Remove the copy and make it again, while what it is a copy of is unmounted or frozen. If that is gone, copy this volume first and repair the copy by hand.';

/**
 * Gives a copy its own UUID before its first mount (S25). Pre-state: unused. Checks it first, as `check` with `repair`
 * does, and replays its log. Repeatable: what an interrupted change left is finished by the next call, with the same UUID
 * or another.
 * @throws `data_loss` no valid file system, or a damaged one: nothing was changed then · `in_use` · `unavailable`
 */
export async function newUuid(place: Place, o: NewUuidOptions, replay: ReplayLog, tools: Tools): Promise<void> {
  try {
    await assertSound(place, o.fsType, replay, tools);
    if (o.fsType === 'ext4') await ext4Uuid(place, o.uuid, tools);
    else if (o.fsType === 'xfs') await xfsUuid(place, o.uuid, tools);
    else await btrfsUuid(place, o.uuid, tools);
  } catch (e) {
    if (!isVolumeError(e, 'data_loss', 'internal')) throw e;
    throw new VolumeError(e.code, e.message, { details: e.details, hint: AGAIN, cause: e });
  }
  syncPath(place.path);
  const after = await readSuperblock(place);
  if (after?.verdict === 'fs' && after.uuid === o.uuid && after.clean !== false) return;
  throw new VolumeError('data_loss', `${place.path} still has another UUID than ${o.uuid}.`, {
    details: { expected: o.uuid, found: after?.uuid ?? firstLines(after?.found ?? 'no file system') },
    hint: AGAIN,
  });
}
