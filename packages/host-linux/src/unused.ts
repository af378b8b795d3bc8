/** S6: that nobody uses a volume is proven by an exclusive open, not assumed. */
import { constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ctx, type Device, type MountEntry, remaining, type User, VolumeError } from '@rexray/core';
import { AT_FDCWD, closeFd, errnoCode, openat2 } from '@rexray/kernel';
import { readMounts } from './proc/mountinfo.ts';
import { inHostPidNamespace } from './proc/processes.ts';
import { type IsIt, nameUsers, usersOf } from './proc/users.ts';

/** A namespace that just ended lets go within 100 ms. */
const RETRY_MS = [5, 20, 50, 100];

export const isDevice =
  (device: Pick<Device, 'devno'>): IsIt =>
  (row) =>
    row.devno === device.devno;

/** The kernel's word whether anybody has a block device exclusively: a mount anywhere, or a program like mkfs.ext4. */
export function exclusiveOpenPasses(device: Pick<Device, 'path' | 'readonly'>): boolean {
  const mode = device.readonly ? constants.O_RDONLY : constants.O_RDWR;
  try {
    // Not by node:fs: Deno takes O_EXCL for "make a new file".
    closeFd(openat2(AT_FDCWD, device.path, { flags: mode | constants.O_EXCL | constants.O_NONBLOCK }));
    return true;
  } catch (e) {
    if (errnoCode(e) === 'EBUSY') return false;
    throw new VolumeError('unavailable', `${device.path} cannot be opened (${errnoCode(e) ?? String(e)}).`, {
      details: { expected: device.path },
      cause: e,
    });
  }
}

/**
 * Pre-state of everything that changes a block device. A pass does not mean that nobody has it open in the plain way:
 * against a writer of that kind (mkfs.btrfs) only the volume's lock helps.
 * @throws `in_use` with the pids that can be found
 */
export async function assertFree(device: Device, ctx: Ctx): Promise<void> {
  for (const wait of [0, ...RETRY_MS]) {
    if (wait > 0) await sleep(Math.min(wait, remaining(ctx)));
    if (exclusiveOpenPasses(device)) return;
    if (ownMounts(isDevice(device)).length > 0) break; // waiting would not help
  }
  throw inUse(device, usersOf(isDevice(device), { devicePath: device.path }));
}

/** The error of a device that somebody has, saying where and who as far as it can be seen from here. */
export function inUse(device: Device, users: readonly User[]): VolumeError<'in_use'> {
  const here = ownMounts(isDevice(device)).map((r) => r.target);
  const where = here.length > 0 ? `mounted at ${here.join(', ')}` : 'in use';
  const who = users.length > 0 ? ` by ${nameUsers(users)}` : '';
  const blind = inHostPidNamespace() ? '' : ' Processes outside this container cannot be seen from here.';
  return new VolumeError('in_use', `${device.path} is ${where}${who}.${blind}`, {
    details: { pids: users.map((u) => u.pid) },
    hint:
      users.length > 0
        ? 'End these processes, or unmount it in their mount namespace.'
        : 'A mount in another namespace or a program holds it exclusively.',
  });
}

export const ownMounts = (isIt: IsIt): MountEntry[] => readMounts().filter(isIt);
