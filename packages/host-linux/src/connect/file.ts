/** Image file → loop device: one per inode, found by inode, pinned by a descriptor, checked after opening (S7). */
import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Attachment, bytes, type Ctx, type Device, remaining, VolumeError } from '@rexray/core';
import {
  closeFd,
  deviceSize,
  errnoCode,
  findLoops,
  KernelError,
  LO_FLAGS,
  type Loop,
  type LoopSearch,
  loopAttach,
  loopClear,
  loopDirectIo,
  loopPath,
  loopSetCapacity,
  loopStatus,
} from '@rexray/kernel';
import { assertFree } from '../unused.ts';
import { assertPlainFile, fileIdentity, openAllowed, rootsOf } from './allow.ts';
import type { Connection, ConnectOptions } from './connection.ts';
import { isServed, mayHang } from './may-hang.ts';

export type FileAttachment = Extract<Attachment, { kind: 'file' }>;

const DEFAULT_BLOCK_SIZE = 512;
/** How long an unbound device may take to be gone after its last close. */
const GONE_MS = 2000;

interface Image {
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
}

function openImage(a: FileAttachment, readonly: boolean, roots: readonly string[] | undefined): Image {
  const flags = (readonly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK;
  const fd = openAllowed(a.path, flags, rootsOf(a, roots));
  try {
    assertPlainFile(fd, a.path);
    const { dev, ino } = fileIdentity(fd);
    if (a.inode !== undefined && (a.inode.dev !== String(dev) || a.inode.ino !== String(ino))) {
      throw new VolumeError('unavailable', `${a.path} is not the image that was attached: it was replaced.`, {
        details: { expected: `${a.inode.dev}:${a.inode.ino}`, found: `${dev}:${ino}` },
        hint: 'Attach the volume again.',
      });
    }
    return { fd, dev, ino };
  } catch (e) {
    closeFd(fd);
    throw e;
  }
}

function describe(loop: Loop, image: { dev: bigint; ino: bigint }, fresh: boolean): Device {
  const status = loopStatus(loop.fd);
  if (status?.dev !== image.dev || status.ino !== image.ino) {
    throw new VolumeError('unavailable', `${loop.path} was bound to another file meanwhile.`, {
      details: { expected: `${image.dev}:${image.ino}`, found: status ? `${status.dev}:${status.ino}` : 'nothing' },
      hint: 'Try again.',
    });
  }
  return {
    id: `7:${loop.number}`,
    kind: 'block',
    path: loop.path,
    devno: `7:${loop.number}`,
    sizeBytes: bytes(deviceSize(loop.fd)),
    readonly: (status.flags & LO_FLAGS.READ_ONLY) !== 0,
    backing: { dev: String(image.dev), ino: String(image.ino) },
    fresh,
    directIo: loopDirectIo(loop.number),
  };
}

/** What shows that a loop device which cannot be asked is not of this image. */
const others = (path: string, image: { dev: bigint; ino: bigint }): Pick<LoopSearch, 'lives' | 'skip'> => ({
  lives: () => isStill(path, image) || (!isServed(path) && fileSystemAnswers(path, image.dev)),
  skip: mayHang(path),
});

/** The image is there and can be asked for its inode. */
function isStill(path: string, image: { dev: bigint; ino: bigint }): boolean {
  try {
    const now = lstatSync(path, { bigint: true });
    return now.dev === image.dev && now.ino === image.ino;
  } catch {
    return false;
  }
}

/**
 * The image may be there no more (switched, removed), but its file system is well: so would be a loop device over it. Of a
 * local one only: a server may forget one file, and answer for the directory from what it told before.
 */
function fileSystemAnswers(path: string, dev: bigint): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    try {
      return lstatSync(at, { bigint: true }).dev === dev;
    } catch (e) {
      if (errnoCode(e) !== 'ENOENT' || at === dirname(at)) return false;
    }
  }
}

/** The one loop device of an image that exists already. @throws `in_use` when there are several, or it shows a part only */
function existing(image: { dev: bigint; ino: bigint }, path: string, mode: 'r' | 'rw'): Loop | undefined {
  const loops = findLoops(image.dev, image.ino, { mode, ...others(path, image) });
  const odd = loops.find((l) => {
    const s = loopStatus(l.fd);
    return s !== undefined && (s.offset !== 0n || s.sizeLimit !== 0n);
  });
  if (loops.length <= 1 && odd === undefined) return loops[0];
  for (const l of loops) closeSync(l.fd);
  const names = loops.map((l) => l.path).join(', ');
  throw new VolumeError('in_use', `${path} is bound to ${names} by somebody else${odd ? ' (a part of it)' : ''}.`, {
    details: {},
    hint: `See losetup -l; detach what is not used: losetup -d ${names.replaceAll(', ', ' ')}.`,
  });
}

/**
 * Makes the image a block device, or finds the one that it is already. The descriptor in `pin` keeps number and binding.
 * @throws `unavailable`, `denied` (S22), `in_use` (bound otherwise by somebody), `exhausted` (no free loop device)
 */
export async function connectFile(
  a: FileAttachment,
  o: ConnectOptions,
  roots: readonly string[] | undefined,
  ctx: Ctx,
): Promise<Connection> {
  const readonly = o.readonly || a.readonly === true;
  const image = openImage(a, readonly, roots);
  let loop: Loop | undefined;
  try {
    loop = existing(image, a.path, readonly ? 'r' : 'rw');
    if (loop !== undefined) {
      const device = describe(loop, image, false);
      if (device.readonly === readonly) return { attachment: a, device, pin: loop.fd };
      const wrongMode = loop;
      loop = undefined; // closed by releaseLoop, also when that fails
      await releaseLoop(wrongMode, device, ctx);
    }
    loop = configure(image.fd, { readonly, blockSize: o.blockSize ?? DEFAULT_BLOCK_SIZE }, a.path);
    return { attachment: a, device: describe(loop, image, true), pin: loop.fd };
  } catch (e) {
    if (loop !== undefined) closeSync(loop.fd);
    throw e;
  } finally {
    closeFd(image.fd);
  }
}

function configure(fd: number, o: { readonly: boolean; blockSize: number }, path: string): Loop {
  try {
    return loopAttach(fd, { ...o, directIo: true });
  } catch (e) {
    if (!(e instanceof KernelError)) throw e;
    if (e.code === 'EBUSY') {
      throw new VolumeError('exhausted', `No free loop device for ${path}: others took each one that was tried.`, {
        details: {},
        hint: 'Try again.',
        cause: e,
      });
    }
    if (e.code === 'EINVAL') {
      throw new VolumeError('invalid', `${path} cannot be a block device with sectors of ${o.blockSize} bytes.`, {
        details: { path: 'blockSize', value: o.blockSize, expected: 'a power of two from 512 to 65536' },
        cause: e,
      });
    }
    throw new VolumeError('unavailable', `${path} could not be made a block device (${e.code}).`, {
      details: {},
      cause: e,
    });
  }
}

/** The loop device of an image, if it has one now; also of an image that was deleted, by its inode. */
export function findFile(a: FileAttachment, roots: readonly string[] | undefined): Connection | undefined {
  const id = identityOf(a, roots);
  if (id === undefined) return undefined;
  const loop = existing(id, a.path, 'r');
  if (loop === undefined) return undefined;
  try {
    return { attachment: a, device: describe(loop, id, false), pin: loop.fd };
  } catch (e) {
    closeSync(loop.fd);
    throw e;
  }
}

function identityOf(a: FileAttachment, roots: readonly string[] | undefined): { dev: bigint; ino: bigint } | undefined {
  if (a.inode !== undefined) return { dev: BigInt(a.inode.dev), ino: BigInt(a.inode.ino) };
  let fd: number;
  try {
    fd = openAllowed(a.path, constants.O_RDONLY | constants.O_NONBLOCK, rootsOf(a, roots));
  } catch (e) {
    if (errnoCode(e) === 'unavailable') return undefined;
    throw e;
  }
  try {
    return fileIdentity(fd);
  } finally {
    closeFd(fd);
  }
}

/** Post-state: no loop device has the image, read back (a successful unbind proves nothing). @throws `in_use` */
export async function disconnectFile(a: FileAttachment, roots: readonly string[] | undefined, ctx: Ctx): Promise<void> {
  const id = identityOf(a, roots);
  if (id === undefined) return;
  for (const loop of findLoops(id.dev, id.ino, others(a.path, id))) {
    let device: Device;
    try {
      device = describe(loop, id, false);
    } catch {
      closeSync(loop.fd); // gone meanwhile, or another's by now
      continue;
    }
    await releaseLoop(loop, device, ctx);
  }
}

/** Gives back a loop device and waits until it is really unbound. The descriptor is closed. */
async function releaseLoop(loop: Loop, device: Device, ctx: Ctx): Promise<void> {
  const { backing } = device;
  try {
    await assertFree(device, ctx);
    loopClear(loop.fd);
  } finally {
    closeSync(loop.fd);
  }
  const until = performance.now() + Math.min(GONE_MS, remaining(ctx));
  for (let wait = 1; isBound(loop.number, backing); wait = Math.min(wait * 2, 50)) {
    if (performance.now() >= until) {
      throw new VolumeError('in_use', `${loop.path} stays bound although nothing has it mounted here.`, {
        details: {},
        hint: 'Another mount namespace or process may have it open: see losetup -l and fuser.',
      });
    }
    await sleep(wait);
  }
}

function isBound(number: number, backing: Device['backing']): boolean {
  let fd: number;
  try {
    fd = openSync(loopPath(number), constants.O_RDONLY);
  } catch {
    return false;
  }
  try {
    const s = loopStatus(fd);
    return s !== undefined && String(s.dev) === backing?.dev && String(s.ino) === backing.ino;
  } finally {
    closeSync(fd);
  }
}

/** Takes over the size of a backing file that grew. Pre-state: pinned. */
export function refreshFile(c: Connection): void {
  if (c.pin === undefined) return;
  loopSetCapacity(c.pin);
  c.device = { ...c.device, sizeBytes: bytes(deviceSize(c.pin)) };
}
