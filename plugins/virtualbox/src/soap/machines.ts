import type { Machine, Slot } from '../client.ts';
import { is } from '../errors.ts';
import { noController, type Ports } from '../slots.ts';
import type { Wire } from './session.ts';

/** States in which a machine has a process of its own: its settings change by a shared lock only. */
const ONLINE = new Set([
  'Running',
  'Paused',
  'Stuck',
  'Teleporting',
  'LiveSnapshotting',
  'Starting',
  'Stopping',
  'Saving',
  'Restoring',
  'TeleportingPausedVM',
  'TeleportingIn',
  'OnlineSnapshotting',
  'DeletingSnapshotOnline',
  'DeletingSnapshotPaused',
  'SettingUp',
]);
/** More than any chipset has. */
const MOST_ADAPTERS = 40;

export async function isOnline(w: Wire, machine: string): Promise<boolean> {
  return ONLINE.has((await w.call('IMachine_getState', { _this: machine })).text());
}

export async function findMachine(w: Wire, nameOrId: string): Promise<string | undefined> {
  try {
    return (await w.call('IVirtualBox_findMachine', { _this: w.vb, nameOrId })).text() || undefined;
  } catch (e) {
    if (is(e, 'not_found')) return undefined;
    throw e;
  }
}

/** Machines whose settings can be read; the files of others are lost. */
export async function machineRefs(w: Wire): Promise<string[]> {
  const refs = (await w.call('IVirtualBox_getMachines', { _this: w.vb })).texts();
  const accessible = await Promise.all(
    refs.map(async (_this) => (await w.call('IMachine_getAccessible', { _this })).text() === 'true'),
  );
  return refs.filter((_, i) => accessible[i]);
}

export async function machineId(w: Wire, machine: string): Promise<string> {
  const known = w.ids.get(machine);
  if (known !== undefined) return known;
  const id = (await w.call('IMachine_getId', { _this: machine })).text().toLowerCase();
  w.ids.set(machine, id);
  return id;
}

export async function describeMachine(w: Wire, machine: string): Promise<Machine> {
  const name = (await w.call('IMachine_getName', { _this: machine })).text();
  return { id: await machineId(w, machine), name, macs: await macsOf(w, machine) };
}

/** The number of adapters differs with the chipset, and the way to ask for it with the version: the first missing slot tells. */
async function macsOf(w: Wire, machine: string): Promise<string[]> {
  const macs: string[] = [];
  for (let slot = 0; slot < MOST_ADAPTERS; slot++) {
    let adapter: string;
    try {
      adapter = (await w.call('IMachine_getNetworkAdapter', { _this: machine, slot })).text();
    } catch (e) {
      if (is(e, 'argument', 'not_found')) break;
      throw e;
    }
    if ((await w.call('INetworkAdapter_getEnabled', { _this: adapter })).text() !== 'true') continue;
    macs.push((await w.call('INetworkAdapter_getMACAddress', { _this: adapter })).text().toUpperCase());
  }
  return macs.filter((m) => m !== '');
}

export interface Attached extends Slot {
  readonly medium: string;
}

/** Hard disks of a machine, by reference of the medium. */
export async function attachmentsOf(w: Wire, machine: string): Promise<Attached[]> {
  const rows = (await w.call('IMachine_getMediumAttachments', { _this: machine })).structures();
  return rows.map((r) => ({
    controller: r.controller ?? '',
    port: Number(r.port),
    device: Number(r.device),
    medium: r.type === 'HardDisk' ? (r.medium ?? '') : '',
  }));
}

/** Those whose disk is `medium`, or a difference of it that a snapshot of the machine made. */
export async function attachmentsWith(w: Wire, rows: readonly Attached[], medium: string): Promise<Attached[]> {
  const direct = rows.filter((a) => a.medium === medium);
  if (direct.length > 0) return direct;
  const found: Attached[] = [];
  for (const a of rows.filter((r) => r.medium !== '')) {
    if ((await w.call('IMedium_getBase', { _this: a.medium })).text() === medium) found.push(a);
  }
  return found;
}

export interface Controller extends Ports {
  readonly ref: string;
  readonly bus: string;
}

/** @throws VboxError `argument` naming the controllers that there are */
export async function controllerOf(w: Wire, machine: string, name: string): Promise<Controller> {
  const refs = (await w.call('IMachine_getStorageControllers', { _this: machine })).texts();
  const names: string[] = [];
  for (const ref of refs) {
    const ask = async (what: string): Promise<string> =>
      (await w.call(`IStorageController_get${what}`, { _this: ref })).text();
    const found = await ask('Name');
    names.push(found);
    if (found !== name) continue;
    const [ports, most, devices] = [
      await ask('PortCount'),
      await ask('MaxPortCount'),
      await ask('MaxDevicesPerPortCount'),
    ];
    return { ref, bus: await ask('Bus'), ports: Number(ports), mostPorts: Number(most), devices: Number(devices) };
  }
  throw noController(name, names);
}
