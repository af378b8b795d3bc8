/** Unmounting: thawed first, retried for a moment, then refused with the names of who is in the way; read back. */
import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ctx, type MountEntry, remaining, VolumeError } from '@rexray/core';
import { errnoCode, KernelError, loopStatus, shutdownFs, thaw, unmount } from '@rexray/kernel';
import type { Pending } from '../pending.ts';
import { nameUsers, usersOf } from '../proc/users.ts';
import { exclusiveOpenPasses } from '../unused.ts';
import { NO_DEVICE } from './direct.ts';
import { canonicalTarget, removeMountpoint } from './mountpoint.ts';
import { findMount } from './table.ts';

/** A closing file or an ending process is out of the way after one of these. */
const RETRY_MS = [5, 10, 25, 50, 100, 200];
/** Mounts on top of each other at one target. */
const MOST_LAYERS = 8;

export interface UnmountOptions {
  readonly kill?: boolean;
  readonly expectDevno?: string;
}

/**
 * Post-state: nothing of `expectDevno` is mounted at the target in our namespace; its directory is gone, unless another
 * mount namespace still has the device there. Others may still have the device: only the exclusive open tells (S6).
 * @throws `in_use` open files (with pids and commands), or another device is mounted there
 */
export async function unmountTarget(path: string, o: UnmountOptions, pending: Pending, ctx: Ctx): Promise<void> {
  // What was handed out without a mount is the volume itself: there is nothing to take off, least of all the directory.
  if (o.expectDevno === NO_DEVICE) return;
  const target = canonicalTarget(path);
  let last: Mounted | undefined;
  for (let i = 0; i < MOST_LAYERS; i++) {
    const row = findMount(target);
    if (row === undefined) {
      if (last === undefined || !aliveElsewhere(last)) removeMountpoint(target);
      return;
    }
    last = { row, backing: backingOf(row.source) };
    if (o.expectDevno !== undefined && row.devno !== o.expectDevno) throw foreign(target, row, o.expectDevno);
    await release(target, o.kill === true, pending, ctx);
    await unmountOnce(target, row, pending, ctx);
  }
  throw new VolumeError('internal', `${target} is still mounted after ${MOST_LAYERS} unmounts.`, {
    details: { step: 'unmount' },
  });
}

interface Mounted {
  readonly row: MountEntry;
  /** Of a loop device: inode of its image. */
  readonly backing: string | undefined;
}

function backingOf(source: string): string | undefined {
  if (!source.startsWith('/dev/loop')) return undefined;
  try {
    const fd = openSync(source, constants.O_RDONLY);
    try {
      const status = loopStatus(fd);
      return status && `${status.dev}:${status.ino}`;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/**
 * Another mount namespace may still have it there. Removing the directory would take it away from that one under way
 * (the kernel detaches mounts on a removed directory in all other namespaces), and hide who has it from S6. A loop
 * device that has another image by now says nothing about ours.
 */
function aliveElsewhere({ row, backing }: Mounted): boolean {
  if (!row.source.startsWith('/dev/') || backingOf(row.source) !== backing) return false;
  try {
    return !exclusiveOpenPasses({ path: row.source, readonly: row.readonly });
  } catch {
    return false;
  }
}

/**
 * What the file system needs before it can go. `kill`: from now on nothing dirty reaches the device (S11). And always a
 * thaw: unmounting a frozen one succeeds and leaves it frozen with its device held (S16). Whoever froze it on purpose
 * has the volume's lock, as we do: so it is nobody's.
 */
async function release(target: string, kill: boolean, pending: Pending, ctx: Ctx): Promise<void> {
  let fd: number;
  try {
    fd = openSync(target, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (e) {
    if (errnoCode(e) === 'EIO' || errnoCode(e) === 'ESTALE' || errnoCode(e) === 'ENOTCONN') return; // shut down, or its server gone
    throw e;
  }
  try {
    if (kill)
      await pending.run('shutdown', shutdownFs(fd), ctx).catch(ignore('ENOTTY', 'EOPNOTSUPP', 'EINVAL', 'EPERM'));
    await pending.run('thaw', thaw(fd), ctx).catch(ignore('ENOTTY', 'EOPNOTSUPP', 'EPERM'));
  } finally {
    closeSync(fd);
  }
}

const ignore =
  (...codes: string[]) =>
  (e: unknown): void => {
    if (!(e instanceof KernelError && codes.includes(e.code))) throw e;
  };

async function unmountOnce(target: string, row: MountEntry, pending: Pending, ctx: Ctx): Promise<void> {
  for (const wait of [0, ...RETRY_MS]) {
    if (wait > 0) await sleep(Math.min(wait, remaining(ctx)));
    try {
      await pending.run('unmount', unmount(target), ctx);
      return;
    } catch (e) {
      if (!(e instanceof KernelError)) throw e;
      if (e.code !== 'EBUSY') throw refused(target, e);
    }
    if (remaining(ctx) === 0) break;
  }
  throw busy(target, row);
}

function busy(target: string, row: MountEntry): VolumeError<'in_use'> {
  const users = usersOf((r) => r.mountId === row.mountId || r.target.startsWith(`${target}/`));
  const who = users.length > 0 ? nameUsers(users) : 'a mount below it, or a process that cannot be seen from here';
  return new VolumeError('in_use', `${target} cannot be unmounted: it is used by ${who}.`, {
    details: { pids: users.map((u) => u.pid) },
    hint: 'End what uses it, then try again.',
  });
}

const refused = (target: string, e: KernelError): VolumeError =>
  e.code === 'EPERM'
    ? new VolumeError('denied', `Unmounting ${target} needs root with CAP_SYS_ADMIN.`, {
        details: { rule: 'CAP_SYS_ADMIN' },
        cause: e,
      })
    : new VolumeError('unavailable', `${target} could not be unmounted (${e.code}).`, {
        details: { found: e.code },
        cause: e,
      });

const foreign = (target: string, row: MountEntry, expected: string): VolumeError<'in_use'> =>
  new VolumeError('in_use', `Another device is mounted at ${target}: ${row.source} (${row.devno}).`, {
    details: {},
    hint: `Expected ${expected}. Somebody else mounted it: unmount it by hand if it is not needed.`,
  });
