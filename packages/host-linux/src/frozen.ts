/** File systems that nobody has mounted, but that the kernel has not let go: frozen when they were unmounted (S16). */
import { closeSync, constants, openSync } from 'node:fs';
import { type Ctx, type Device, FS_TYPES } from '@rexray/core';
import { closeFd, fdPath, fsMount, thaw } from '@rexray/kernel';
import type { Pending } from './pending.ts';
import { inHostPidNamespace } from './proc/processes.ts';
import { mountsEverywhere } from './proc/users.ts';
import { isDevice } from './unused.ts';

/**
 * Frees a device that is busy although no mount table has it: mounts it detached, which finds the frozen file system
 * that is still there, thaws it and lets go. @returns true when something was thawed
 */
export async function thawUnmounted(device: Device, pending: Pending, ctx: Ctx): Promise<boolean> {
  if (!inHostPidNamespace() || mountsEverywhere(isDevice(device)).length > 0) return false;
  for (const fsType of FS_TYPES) {
    let detached: number;
    try {
      const parameters = device.readonly ? ([['ro']] as const) : [];
      detached = await pending.run('mount', fsMount(fsType, { source: device.path, parameters }), ctx);
    } catch {
      continue; // another type, or held by a program
    }
    try {
      const fd = openSync(fdPath(detached), constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        return await pending.run('thaw', thaw(fd), ctx);
      } finally {
        closeSync(fd);
      }
    } finally {
      closeFd(detached);
    }
  }
  return false;
}
