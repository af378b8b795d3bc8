import { type NodeFacts, VolumeError } from '@rexray/core';
import type { Client, Machine, Patience } from './client.ts';

/** Which machine this is: by the name or id that is configured, else by a hardware address that one machine alone has. */
export async function whoami(client: Client, configured: string, facts: NodeFacts, p: Patience): Promise<string> {
  if (configured !== '') {
    const machine = await client.machine(configured, p);
    if (machine !== undefined) return machine.id;
    throw new VolumeError('not_found', `VirtualBox has no machine "${configured}" (virtualbox.localMachineNameOrId).`, {
      details: { what: 'machine', near: (await client.machines(p)).map((m) => m.name) },
      hint: 'VBoxManage list vms names them; upper and lower case differ.',
    });
  }
  const mine = new Set(facts.macs.map((m) => m.replaceAll(':', '').toUpperCase()));
  const machines = await client.machines(p);
  const found = machines.filter((m) => m.macs.some((mac) => mine.has(mac)));
  if (found.length === 1 && found[0] !== undefined) return found[0].id;
  throw found.length === 0 ? none(facts, machines) : several(found, mine);
}

const none = (facts: NodeFacts, machines: readonly Machine[]): VolumeError<'not_found'> =>
  new VolumeError(
    'not_found',
    `None of VirtualBox’s ${machines.length} machines has an enabled network adapter with an address of this node (${facts.macs.join(', ') || 'it has none'}).`,
    {
      details: { what: 'machine', near: machines.map((m) => m.name) },
      hint: 'Set virtualbox.localMachineNameOrId to the name or id of this machine (VBoxManage list vms).',
    },
  );

function several(found: readonly Machine[], mine: ReadonlySet<string>): VolumeError<'denied'> {
  const shown = found.map((m) => `"${m.name}" (${m.id}, ${m.macs.filter((mac) => mine.has(mac)).join(', ')})`);
  return new VolumeError(
    'denied',
    `${found.length} machines have an address of this node: ${shown.join(' and ')}. Which one is it?`,
    {
      details: { rule: 'S8', found: found.map((m) => m.id).join(', ') },
      hint: 'Clones keep the addresses of their original. Set virtualbox.localMachineNameOrId, or give the clone new addresses: VBoxManage modifyvm <machine> --macaddress1 auto',
    },
  );
}
