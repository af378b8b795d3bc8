/** Mounting: made detached, looked into, then moved to its place and read back (S20). */
import { closeSync, constants, openSync } from 'node:fs';
import { type Ctx, type Device, type HostMount, type MountEntry, type MountSpec, VolumeError } from '@rexray/core';
import {
  AT_FDCWD,
  cloneTree,
  closeFd,
  type FsParameter,
  fdPath,
  fsMount,
  KernelError,
  MOUNT_ATTR,
  moveMount,
  O_PATH,
  openat2,
  RESOLVE,
  setMountAttributes,
  statx,
  thaw,
  unmount,
} from '@rexray/kernel';
import type { ChildRunner } from '../child.ts';
import type { Connection } from '../connect/connection.ts';
import { isBindOf, openDir } from '../connect/dir.ts';
import { isShare } from '../connect/share.ts';
import type { Pending } from '../pending.ts';
import { readMounts, type TableRow } from '../proc/mountinfo.ts';
import { type IsIt, nameUsers, usersOf } from '../proc/users.ts';
import { isDevice } from '../unused.ts';
import { handedOut, handOut } from './direct.ts';
import { canonicalTarget, makeMountpoint, removeMountpoint } from './mountpoint.ts';
import { mountOptions } from './options.ts';
import { mountShare } from './share.ts';
import { openSubdir, prepareRoot } from './subdir.ts';
import { asConsumersSee, asHostMount, type Consumers, findMount } from './table.ts';

export interface MountPlace {
  readonly allowRoots: readonly string[] | undefined;
  readonly consumers: Consumers;
  readonly pending: Pending;
  readonly run: ChildRunner;
}

/** Recognizes mounts of a connection in a mount table. */
export function mountsOf(c: Connection): IsIt {
  const { attachment: a, device } = c;
  if (a.kind === 'dir') return isBindOf(a.path);
  if (a.kind === 'share') return isShare(a);
  return isDevice(device);
}

/**
 * Mounts a connection at a target and returns what the table shows. The same one there already = ok.
 * @throws `in_use` another mount there, or this one elsewhere · `invalid` options · `data_loss` the file system does not
 * mount · `denied` (S20) · `unavailable` not visible to the consumers
 */
export async function mountAtTarget(c: Connection, spec: MountSpec, place: MountPlace, ctx: Ctx): Promise<HostMount> {
  if (handedOut(c)) return handOut(c, spec, place.allowRoots);
  const target = canonicalTarget(spec.target);
  const isIt = mountsOf(c);
  const rows = readMounts();
  const there = rows.findLast((r) => r.target === target);
  const elsewhere = c.attachment.kind === 'dir' || c.attachment.kind === 'share' ? undefined : rows.find(isIt);
  if (there !== undefined) {
    if (!isIt(there)) throw occupied(target, there);
    if (there.readonly !== (spec.readonly || c.device.readonly || spec.options.includes('ro')))
      throw otherMode(target, there);
    return verify(there, spec, place);
  }
  if (elsewhere !== undefined) throw mountedElsewhere(c.device, elsewhere.target, isIt);
  const point = makeMountpoint(target);
  try {
    await mountOnto(point, target, c, spec, place, ctx);
    const row = findMount(target);
    if (row === undefined || !isIt(row)) throw notThere(target, row);
    return verify(row, spec, place);
  } catch (e) {
    await undo(target, isIt);
    throw e;
  } finally {
    closeFd(point);
  }
}

/** Takes back what this call made; whatever stands in the way is left to the caller's next look. */
async function undo(target: string, isIt: IsIt): Promise<void> {
  const row = findMount(target);
  if (row !== undefined && isIt(row)) await unmount(target).catch(() => false);
  if (findMount(target) === undefined) removeMountpoint(target);
}

async function mountOnto(
  point: number,
  target: string,
  c: Connection,
  spec: MountSpec,
  place: MountPlace,
  ctx: Ctx,
): Promise<void> {
  const { attachment: a } = c;
  if (a.kind === 'share') return mountShare(a, target, spec, place.run, ctx);
  const detached = a.kind === 'dir' ? bindOf(a, c.device, spec, place) : await blockMount(c.device, spec, place, ctx);
  try {
    await prepare(detached, a.kind === 'dir', c.device, spec, place, ctx);
    moveMount(detached, point);
  } finally {
    closeFd(detached);
  }
}

function bindOf(
  a: Extract<Connection['attachment'], { kind: 'dir' }>,
  device: Device,
  spec: MountSpec,
  place: MountPlace,
): number {
  const { attributes } = mountOptions('bind', spec.options);
  const dir = openDir(a, place.allowRoots);
  try {
    const tree = cloneTree(dir);
    try {
      setMountAttributes(tree, attributes | (spec.readonly || device.readonly ? MOUNT_ATTR.RDONLY : 0));
      return tree;
    } catch (e) {
      closeFd(tree);
      throw e;
    }
  } finally {
    closeFd(dir);
  }
}

async function blockMount(device: Device, spec: MountSpec, place: MountPlace, ctx: Ctx): Promise<number> {
  const fsType = spec.fsType ?? '';
  const options = mountOptions(fsType, spec.options);
  const readonly = spec.readonly || device.readonly || options.readonly;
  const parameters: FsParameter[] = [...options.parameters];
  if (readonly) parameters.push(['ro']);
  if (fsType === 'xfs' && spec.nouuid) parameters.push(['nouuid']);
  const attributes = options.attributes | (readonly ? MOUNT_ATTR.RDONLY : 0);
  try {
    return await place.pending.run('mount', fsMount(fsType, { source: device.path, parameters, attributes }), ctx);
  } catch (e) {
    throw e instanceof KernelError ? explain(e, device, fsType) : e;
  }
}

/**
 * Before anybody else can see the mount: thaw what an earlier unmount left frozen (S16), make the sub-directory. A
 * device that was bound just now had no file system in the kernel that could be frozen. */
async function prepare(
  detached: number,
  bind: boolean,
  device: Device,
  spec: MountSpec,
  place: MountPlace,
  ctx: Ctx,
): Promise<void> {
  if (!bind && !device.fresh) {
    const fd = openSync(fdPath(detached), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await place.pending.run('thaw', thaw(fd), ctx);
    } finally {
      closeSync(fd);
    }
  }
  const make = spec.makeSubdir && !spec.readonly && !device.readonly;
  if (make && !bind && isRootDir(spec.subdir)) prepareRoot(detached, spec.owner);
  closeFd(openSubdir(detached, spec.subdir, { make, owner: spec.owner }));
}

const isRootDir = (subdir: string): boolean => subdir === '/' || subdir === '';

/** S20, after the mount and at every later call: the path leads into this mount only, and its consumers see it. */
function verify(row: TableRow, spec: MountSpec, place: MountPlace): HostMount {
  const mount = asHostMount(row, spec.subdir);
  const root = openat2(AT_FDCWD, row.target, { flags: O_PATH | constants.O_DIRECTORY, resolve: RESOLVE.NO_SYMLINKS });
  try {
    const make = spec.makeSubdir && !row.readonly;
    const dir = openSubdir(root, spec.subdir, { make, owner: spec.owner });
    const { mountId } = statx(dir);
    closeFd(dir);
    if (mountId !== row.mountId) throw notThere(row.target, undefined);
  } finally {
    closeFd(root);
  }
  const seen = asConsumersSee(place.consumers, row);
  if (seen?.devno === row.devno && seen.root === row.root) return mount;
  throw new VolumeError(
    'unavailable',
    `${row.target} is not visible in the mount namespace of ${place.consumers.proc}.`,
    {
      details: { expected: `${row.target} (${row.devno})`, found: seen === undefined ? 'no mount' : seen.source },
      hint: 'Whoever uses the volume would write to the root disk. Run this in the host mount namespace, or below a shared mount (rshared); rexray.node.mountNamespace names another namespace.',
    },
  );
}

function explain(e: KernelError, device: Device, fsType: string): VolumeError {
  const said = e.said.length > 0 ? ` It says: ${e.said.join('; ')}.` : '';
  const what = `${device.path} does not mount as ${fsType} (${e.code}).${said}`;
  const o = { cause: e };
  switch (e.code) {
    case 'ENODEV':
      return new VolumeError('unsupported', `This kernel cannot mount ${fsType}.`, {
        ...o,
        details: { missing: fsType },
        hint: `Load its module: modprobe ${fsType}.`,
      });
    case 'EBUSY': {
      const users = usersOf(isDevice(device), { devicePath: device.path });
      return new VolumeError('in_use', `${what}${users.length > 0 ? ` In use by ${nameUsers(users)}.` : ''}`, {
        ...o,
        details: { pids: users.map((u) => u.pid) },
      });
    }
    case 'EACCES':
    case 'EROFS':
      return new VolumeError('denied', what, { ...o, details: { rule: 'read-only', found: 'a read-only device' } });
    case 'EPERM':
      return new VolumeError('denied', what, {
        ...o,
        details: { rule: 'CAP_SYS_ADMIN' },
        hint: 'Mounting needs root with CAP_SYS_ADMIN.',
      });
    case 'EIO':
    case 'ENXIO':
      return new VolumeError('unavailable', what, {
        ...o,
        details: { found: e.code },
        hint: 'Look at the kernel log (dmesg).',
      });
    default:
      return new VolumeError('data_loss', what, {
        ...o,
        details: { found: e.code, expected: fsType },
        hint: 'Nothing was changed. Check the file system, and look at the kernel log (dmesg).',
      });
  }
}

const occupied = (target: string, row: MountEntry): VolumeError<'in_use'> =>
  new VolumeError('in_use', `Something else is mounted at ${target}: ${row.source} (${row.fsType}).`, {
    details: {},
    hint: 'Unmount it first.',
  });

const otherMode = (target: string, row: MountEntry): VolumeError<'in_use'> =>
  new VolumeError('in_use', `${target} is mounted ${row.readonly ? 'read-only' : 'for writing'} already.`, {
    details: {},
    hint: 'Unmount it first; one mount cannot be both.',
  });

function mountedElsewhere(device: Device, target: string, isIt: IsIt): VolumeError<'in_use'> {
  const users = usersOf(isIt);
  const who = users.length > 0 ? `, used by ${nameUsers(users)}` : '';
  return new VolumeError('in_use', `${device.path} is mounted at ${target} already${who}.`, {
    details: { pids: users.map((u) => u.pid) },
    hint: `Unmount it there: umount ${target}.`,
  });
}

const notThere = (target: string, row: MountEntry | undefined): VolumeError<'internal'> =>
  new VolumeError('internal', `The mount at ${target} was replaced while it was made.`, {
    details: { step: 'mount' },
    hint: row === undefined ? 'Try again.' : `Found ${row.source} there.`,
  });
