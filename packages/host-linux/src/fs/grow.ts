import { closeSync, openSync, statfsSync } from 'node:fs';
import { type FsType, formatBytes, type Probe, VolumeError } from '@rexray/core';
import { errnoCode, growBtrfs, growExt4, growXfs, xfsGeometry } from '@rexray/kernel';
import { isOfType } from './check.ts';
import { readExt4 } from './ext4.ts';
import { readSuperblock } from './probe.ts';
import type { Tools } from './programs.ts';
import type { Place } from './reader.ts';
import { resizeOffline } from './resize.ts';

export interface GrowOptions {
  readonly fsType: FsType;
  /** Where it is mounted now; absent = not mounted. */
  readonly target?: string;
}
export interface Grown {
  readonly grown: boolean;
  readonly fsBytes?: number;
  readonly why?: string;
}

/** Less than this at the end cannot be used by any of the three, or is not worth a step. */
const SLACK = 1024 ** 2;

/** Runs `body` with a descriptor on the mounted file system; errors of the kernel become a reason. */
async function online(target: string, body: (fd: number) => Promise<number>): Promise<Grown> {
  const fd = openSync(target, 'r');
  try {
    return { grown: true, fsBytes: await body(fd) };
  } catch (e) {
    const code = errnoCode(e);
    if (code === undefined) throw e;
    const why =
      code === 'EPERM'
        ? 'growing while mounted needs CAP_SYS_RESOURCE, which this process lacks'
        : `the kernel refused to grow it while mounted (${code})`;
    return { grown: false, why: `${why}; it is grown at the next mount` };
  } finally {
    closeSync(fd);
  }
}

/** What is mounted, in bytes; superblocks on the device lag behind. */
function statfsBytes(target: string): number {
  const s = statfsSync(target);
  return s.blocks * s.bsize;
}

async function growOnline(place: Place, fsType: FsType, target: string): Promise<Grown> {
  if (fsType === 'ext4') {
    const blockSize = (await readExt4(place))?.blockSize ?? 4096;
    const blocks = Math.floor(place.sizeBytes / blockSize);
    return online(target, async (fd) => {
      await growExt4(fd, blocks);
      return blocks * blockSize;
    });
  }
  if (fsType === 'btrfs') {
    return online(target, async (fd) => {
      await growBtrfs(fd, 'max');
      return statfsBytes(target);
    });
  }
  return online(target, async (fd) => {
    const { blockSize, blocks } = xfsGeometry(fd);
    const wanted = Math.floor(place.sizeBytes / blockSize);
    if (wanted > blocks) await growXfs(fd, wanted);
    return xfsGeometry(fd).blocks * blockSize;
  });
}

async function readFs(place: Place, fsType: FsType): Promise<Probe & { fsBytes: number }> {
  const found = await readSuperblock(place);
  if (isOfType(found, fsType) && found.fsBytes !== undefined) return { ...found, fsBytes: found.fsBytes };
  throw new VolumeError('data_loss', `${place.path} holds no valid ${fsType}, so it is not grown.`, {
    details: { expected: fsType, ...(found?.found !== undefined && { found: found.found }) },
  });
}

/**
 * Grows a file system to its device; never makes it smaller (S17). Mounted: by ioctl at `target`. Not mounted: ext4 by
 * e2fsck and resize2fs, xfs and btrfs answer `grown: false`, since only the kernel grows them.
 * @returns `grown: true` also when there was nothing to grow; `grown: false` with the reason, to be repeated at a mount
 * @throws `data_loss` not that file system, damaged, or larger than its device · `unavailable` · `in_use`
 */
export async function grow(place: Place, o: GrowOptions, tools: Tools): Promise<Grown> {
  // The superblock of a mounted file system is written behind: only the kernel knows.
  if (o.target !== undefined) return growOnline(place, o.fsType, o.target);
  const before = await readFs(place, o.fsType);
  if (place.sizeBytes - before.fsBytes < SLACK) return { grown: true, fsBytes: before.fsBytes };
  if (o.fsType !== 'ext4') {
    return { grown: false, fsBytes: before.fsBytes, why: `${o.fsType} is grown while mounted, so at the next mount` };
  }
  await resizeOffline(place, tools);
  const after = await readFs(place, o.fsType);
  if (after.fsBytes > before.fsBytes) return { grown: true, fsBytes: after.fsBytes };
  const size = formatBytes(place.sizeBytes);
  return { grown: false, fsBytes: after.fsBytes, why: `resize2fs left it as it was on a device of ${size}` };
}
