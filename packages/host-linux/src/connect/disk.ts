/** A disk that a platform attached: found by identity, waited for, and refused when it is anything but an idle whole disk (S22). */
import { closeSync, constants, fstatSync, openSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attachment, bytes, type Ctx, type DiskMatch, remaining, VolumeError } from '@rexray/core';
import { deviceSize, devnoOf } from '@rexray/kernel';
import { isLate } from '../deadline.ts';
import { readMounts } from '../proc/mountinfo.ts';
import { assertFree } from '../unused.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { type Disk, type DiskTrees, disks, fits, isSwap, partitionsOf, stackedOn } from './disk-facts.ts';
import { placeOf, Rescan } from './rescan.ts';

export type DiskAttachment = Extract<Attachment, { kind: 'disk' }>;
export interface DiskPlace extends DiskTrees {
  readonly mountRoot: string | undefined;
  /** Where SCSI hosts are asked for new disks, if not in `/sys/class/scsi_host`. */
  readonly scsiHostDir?: string;
}

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 500;

const written = (match: DiskMatch): string =>
  Object.entries(match)
    .map(([k, v]) => `${k} ${v}`)
    .join(', ');

/** @throws `denied` when several disks fit, `invalid` when nothing identifies one */
function lookUp(match: DiskMatch, place: DiskPlace): Disk | undefined {
  if ([match.serial, match.wwn, match.byId, match.path].every((v) => v === undefined || v === '')) {
    throw new VolumeError('invalid', 'A disk is found by serial, wwn, by-id name or path: none was given.', {
      details: { path: 'match', expected: 'serial, wwn, byId or path' },
    });
  }
  const found = disks(place).filter((d) => fits(d, match, place));
  if (found.length <= 1) return found[0];
  throw new VolumeError(
    'denied',
    `${found.length} disks fit ${written(match)}: ${found.map((d) => d.path).join(', ')}.`,
    {
      details: { rule: 'S22', found: found.map((d) => d.path).join(', ') },
      hint: 'Say more of its identity, so that one disk is left.',
    },
  );
}

/** A disk with partitions in use, something built on top of it, or mounted outside our directory, is not a volume of ours. */
function assertNotOthers(disk: Disk, place: DiskPlace): void {
  const parts = new Set(partitionsOf(disk, place));
  const rows = readMounts();
  const partition = rows.find((r) => parts.has(r.devno));
  const root = place.mountRoot;
  const elsewhere = rows.find(
    (r) => r.devno === disk.devno && (r.target === '/' || (root !== undefined && !r.target.startsWith(`${root}/`))),
  );
  const stacked = stackedOn(disk, place);
  const why =
    partition !== undefined
      ? `a partition of it is mounted at ${partition.target}`
      : elsewhere !== undefined
        ? `it is mounted at ${elsewhere.target}`
        : stacked.length > 0
          ? `${stacked.join(', ')} is built on it`
          : isSwap(disk, place)
            ? 'it is swapped to'
            : undefined;
  if (why === undefined) return;
  throw new VolumeError('denied', `${disk.path} is not taken for a volume: ${why}.`, {
    details: { rule: 'S22', found: why, where: disk.path },
    hint: 'Check which disk the storage really attached.',
  });
}

function connection(a: DiskAttachment, disk: Disk, readonly: boolean): Connection {
  const pin = openSync(disk.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (devnoOf(fstatSync(pin).rdev) !== disk.devno) throw gone(a.match);
    const device = {
      id: disk.devno,
      kind: 'block' as const,
      path: disk.path,
      devno: disk.devno,
      sizeBytes: bytes(deviceSize(pin)),
      readonly: readonly || disk.readonly,
      fresh: false,
    };
    return { attachment: a, device, pin };
  } catch (e) {
    closeSync(pin);
    throw e;
  }
}

const gone = (match: DiskMatch, asked = 0): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `No disk with ${written(match)} is here${asked > 0 ? ', although SCSI hosts were asked to look for it' : ''}.`,
    {
      details: { expected: written(match), found: 'no such disk' },
      hint: 'Is it attached to this machine? See lsblk -o NAME,SERIAL,WWN.',
    },
  );

/** Waits for the disk until the deadline. @throws `unavailable`, `denied`, `canceled` */
export async function connectDisk(
  a: DiskAttachment,
  o: ConnectOptions,
  usual: DiskPlace,
  ctx: Ctx,
): Promise<Connection> {
  const place = placeOf(a, usual);
  const rescan = new Rescan(a, place);
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const disk = lookUp(a.match, place);
    if (disk !== undefined && disk.sizeBytes > 0) {
      assertNotOthers(disk, place);
      return connection(a, disk, o.readonly || a.readonly === true);
    }
    await rescan.perhaps();
    if (remaining(ctx) <= wait) throw gone(a.match, rescan.asked);
    await sleep(wait, undefined, { signal: ctx.signal }).catch(() => {
      if (isLate(ctx)) throw gone(a.match, rescan.asked);
      throw new VolumeError('canceled', `The caller went away while waiting for a disk with ${written(a.match)}.`, {
        details: { step: 'connect', rolledBack: true },
      });
    });
  }
}

export function findDisk(a: DiskAttachment, place: DiskPlace): Connection | undefined {
  const disk = lookUp(a.match, placeOf(a, place));
  return disk === undefined ? undefined : connection(a, disk, a.readonly === true);
}

/** Nothing was made here that could be undone; the platform may take the disk only when nobody has it. @throws `in_use` */
export async function disconnectDisk(a: DiskAttachment, place: DiskPlace, ctx: Ctx): Promise<void> {
  const c = findDisk(a, place);
  if (c?.pin === undefined) return;
  closeSync(c.pin);
  await assertFree(c.device, ctx);
}

/** Asks SCSI for the size again; other kinds announce it themselves. */
export function refreshDisk(c: Connection, place: DiskPlace): void {
  try {
    writeFileSync(`${place.sysDir}/class/block/${basename(c.device.path)}/device/rescan`, '1');
  } catch {
    // no such attribute
  }
  if (c.pin !== undefined) c.device = { ...c.device, sizeBytes: bytes(deviceSize(c.pin)) };
}
