import type { Slot } from './client.ts';
import { VboxError } from './errors.ts';

/** What a storage controller has room for. */
export interface Ports {
  readonly ports: number;
  /** As many as it can have. */
  readonly mostPorts: number;
  /** Places at each port. */
  readonly devices: number;
}

export const noController = (name: string, there: readonly string[]): VboxError =>
  new VboxError(
    'argument',
    `The machine has no storage controller "${name}"${there.length > 0 ? `, it has ${there.map((n) => `"${n}"`).join(', ')}` : ''}. Set virtualbox.controllerName, or add one while it is off: VBoxManage storagectl <machine> --name ${name} --add sata --portcount 30`,
  );

/** The first free place, counting the ports that can still be added. @throws VboxError `full` */
export function freeSlot(c: Ports, taken: readonly Slot[], name: string, mayGrow: boolean): Slot {
  const ports = mayGrow ? c.mostPorts : c.ports;
  for (let port = 0; port < ports; port++) {
    for (let device = 0; device < c.devices; device++) {
      if (!taken.some((t) => t.controller === name && t.port === port && t.device === device)) {
        return { controller: name, port, device };
      }
    }
  }
  throw new VboxError(
    'full',
    mayGrow || c.ports === c.mostPorts
      ? `All ${ports * c.devices} places of controller "${name}" are taken. Detach a disk`
      : `All ${ports} ports of controller "${name}" are taken, and a running machine gets no more. Detach a disk, or power it off and run: VBoxManage storagectl <machine> --name ${name} --portcount ${c.mostPorts}`,
  );
}
