import type { Slot } from '../client.ts';
import { is, VboxError } from '../errors.ts';
import { freeSlot } from '../slots.ts';
import type { Locked } from './locking.ts';
import { attachmentsOf, attachmentsWith, controllerOf } from './machines.ts';
import type { Wire } from './session.ts';

/** Attaches a medium under the lock of the machine. What was attached is saved before anything else is tried. */
export async function plug(w: Wire, l: Locked, medium: string, controller: string): Promise<Slot> {
  const rows = await attachmentsOf(w, l.machine);
  const [there] = await attachmentsWith(w, rows, medium);
  if (there !== undefined) return { controller: there.controller, port: there.port, device: there.device };
  const c = await controllerOf(w, l.machine, controller);
  const slot = freeSlot(c, rows, controller, !l.online);
  if (slot.port >= c.ports) {
    await w.call('IStorageController_setPortCount', { _this: c.ref, portCount: slot.port + 1 });
  }
  const place = { name: controller, controllerPort: slot.port, device: slot.device };
  try {
    await w.call('IMachine_attachDevice', { _this: l.machine, ...place, type: 'HardDisk', medium });
  } catch (e) {
    throw is(e, 'in_use') && /already associated/.test(e.message) ? stuck(e) : e;
  }
  await l.save();
  if (!l.online && c.bus === 'SATA') await makePluggable(w, l, place);
  return slot;
}

/** A disk that was attached while the machine was off can be taken from it while it runs only with this flag. */
async function makePluggable(w: Wire, l: Locked, place: { name: string; controllerPort: number; device: number }) {
  try {
    await w.call('IMachine_setHotPluggableForDevice', { _this: l.machine, ...place, hotPluggable: true });
    await l.save();
  } catch (e) {
    if (!is(e, 'unsupported', 'state', 'argument', 'other')) throw e;
  }
}

/** @returns whether it was attached */
export async function unplug(w: Wire, l: Locked, medium: string, machine: string): Promise<boolean> {
  const rows = await attachmentsWith(w, await attachmentsOf(w, l.machine), medium);
  for (const a of rows) {
    const place = { name: a.controller, controllerPort: a.port, device: a.device };
    await w.call('IMachine_detachDevice', { _this: l.machine, ...place });
    await l.save();
  }
  if (rows.length > 0) return true;
  const ids = (await w.call('IMedium_getMachineIds', { _this: medium })).texts();
  const snapshots = ids.length === 0 ? '' : await snapshotsWith(w, medium, machine);
  if (snapshots !== '') throw inSnapshot(machine);
  if (ids.some((id) => id.toLowerCase() === machine)) throw stuck();
  return false;
}

/** Non-empty when a snapshot of the machine has the disk. */
async function snapshotsWith(w: Wire, medium: string, machineId: string): Promise<string> {
  const ids = (await w.call('IMedium_getSnapshotIds', { _this: medium, machineId })).texts();
  // The machine’s own id stands for its current state.
  return ids.filter((id) => id.toLowerCase() !== machineId).join();
}

const inSnapshot = (machine: string): VboxError =>
  new VboxError(
    'in_use',
    `A snapshot of machine ${machine} has the disk. Delete that snapshot: VBoxManage snapshot ${machine} list; VBoxManage snapshot ${machine} delete <name>`,
  );

/** An attachment that was never saved (a program died in between) stays in VBoxSVC's memory only. */
const stuck = (cause?: unknown): VboxError =>
  new VboxError(
    'in_use',
    'VirtualBox counts the disk as attached to a machine whose settings do not have it: a program attached it and ended without saving. Close all VirtualBox programs on the host and restart vboxwebsrv, so that VBoxSVC ends and reads its settings again',
    { cause },
  );
