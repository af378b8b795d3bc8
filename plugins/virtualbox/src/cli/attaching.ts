import type { AttachWish, Patience, Slot } from '../client.ts';
import { is, VboxError } from '../errors.ts';
import { freeSlot, noController } from '../slots.ts';
import { backOff, pause } from '../waiting.ts';
import { withHostLock } from './host-lock.ts';
import { basesOf, type MachineInfo, machineOf, takenSlots } from './parse.ts';
import type { Run } from './run.ts';

/** Controllers on which a disk can be taken from a running machine, if it was attached with that flag. */
const PLUGGABLE = ['IntelAhci'];
const DEVICES: Readonly<Record<string, number>> = { PIIX3: 2, PIIX4: 2, ICH6: 2, I82078: 2 };

/** Attaching and detaching by VBoxManage, one at a time for each machine of the host. */
export class Plugging {
  readonly #run: Run;
  readonly #dir: string;
  constructor(run: Run, dir: string) {
    this.#run = run;
    this.#dir = dir;
  }

  attach(wish: AttachWish, p: Patience): Promise<Slot> {
    return withHostLock(this.#dir, wish.machine, p, async () => {
      const { machine, stdout } = await this.#look(wish.machine, p);
      const [there] = await this.#slots(machine, wish.disk, p);
      if (there !== undefined) return there;
      const c = machine.controllers.find((x) => x.name === wish.controller);
      if (c === undefined)
        throw noController(
          wish.controller,
          machine.controllers.map((x) => x.name),
        );
      const places = { ...c, devices: DEVICES[c.type] ?? 1 };
      const slot = freeSlot(places, takenSlots(stdout, wish.controller), wish.controller, !machine.online);
      if (slot.port >= c.ports) {
        const grow = ['storagectl', wish.machine, '--name', wish.controller, '--portcount', String(slot.port + 1)];
        await this.#patiently(grow, p);
      }
      const flag = !machine.online && PLUGGABLE.includes(c.type) ? ['--hotpluggable', 'on'] : [];
      await this.#patiently(
        ['storageattach', wish.machine, ...written(slot), '--type', 'hdd', '--medium', wish.disk, ...flag],
        p,
      );
      return slot;
    });
  }

  /** @returns whether it was attached */
  async detach(wish: Omit<AttachWish, 'controller'>, p: Patience): Promise<boolean> {
    return withHostLock(this.#dir, wish.machine, p, async () => {
      let machine: MachineInfo;
      try {
        ({ machine } = await this.#look(wish.machine, p));
      } catch (e) {
        if (is(e, 'not_found')) return false;
        throw e;
      }
      const slots = await this.#slots(machine, wish.disk, p);
      for (const slot of slots) {
        await this.#patiently(
          ['storageattach', wish.machine, ...written(slot), '--type', 'hdd', '--medium', 'none'],
          p,
        );
      }
      return slots.length > 0;
    });
  }

  async #look(id: string, p: Patience): Promise<{ readonly machine: MachineInfo; readonly stdout: string }> {
    const { stdout } = await this.#run(['showvminfo', id, '--machinereadable'], p);
    const machine = machineOf(stdout);
    if (machine === undefined) throw new VboxError('protocol', `VBoxManage does not describe machine ${id}`);
    return { machine, stdout };
  }

  /** Where the disk is, or a difference of it that a snapshot of the machine made. */
  async #slots(machine: MachineInfo, disk: string, p: Patience): Promise<Slot[]> {
    const plain = ({ controller, port, device }: Slot): Slot => ({ controller, port, device });
    const direct = machine.disks.filter((d) => d.id === disk);
    if (direct.length > 0 || machine.disks.length === 0) return direct.map(plain);
    const bases = basesOf((await this.#run(['list', '-l', 'hdds'], p)).stdout);
    return machine.disks.filter((d) => bases.get(d.id) === disk).map(plain);
  }

  /** A machine whose settings somebody has open is busy: again, until patience ends. */
  async #patiently(args: readonly string[], p: Patience): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#run(args, p, { acts: true });
        return;
      } catch (e) {
        const wait = backOff(attempt, 50);
        if (!is(e, 'locked', 'state') || performance.now() + wait > p.deadline) throw e;
        await pause(wait, p);
      }
    }
  }
}

const written = (s: Slot): string[] => [
  '--storagectl',
  s.controller,
  '--port',
  String(s.port),
  '--device',
  String(s.device),
];
