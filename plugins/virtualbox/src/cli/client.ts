import { randomUUID } from 'node:crypto';
import {
  type AttachWish,
  type Client,
  type Disk,
  lastWords,
  type Machine,
  type NewDisk,
  NOTE,
  type Patience,
  type Slot,
  type Survey,
} from '../client.ts';
import { milliseconds, type VirtualBoxConfig } from '../config.ts';
import { is, VboxError } from '../errors.ts';
import type { Maker } from '../maker.ts';
import { isUuid } from '../names.ts';
import { Turns } from '../waiting.ts';
import { Plugging } from './attaching.ts';
import { allDisks, allNotes, type MachineInfo, machineIds, machineOf, oneDisk, oneNote } from './parse.ts';
import { type Run, runner } from './run.ts';

const MAKING = `${NOTE}making/`;

/** VirtualBox by VBoxManage, on its host. Notes and disks are the same as the web service shows. */
export class CliClient implements Client {
  readonly #run: Run;
  readonly #turns = new Turns();
  readonly #plugging: Plugging;
  calls = 0;

  readonly #maker: Maker;

  /** @param dir for the locks among processes of this host */
  constructor(config: VirtualBoxConfig, maker: Maker, dir: string) {
    this.#maker = maker;
    this.#run = runner(config.vboxManagePath, milliseconds(config.requestTimeout), () => {
      this.calls += 1;
    });
    this.#plugging = new Plugging(this.#run, dir);
  }

  async survey(p: Patience): Promise<Survey> {
    const notes = await this.#allNotes(p);
    const disks = new Map(allDisks((await this.#run(['list', '-l', 'hdds'], p)).stdout).map((d) => [d.id, d]));
    const of = (id: string): Disk => {
      const d = disks.get(id);
      if (d === undefined) throw gone(id);
      return d;
    };
    return {
      disks: [...disks.keys()],
      notes: [...notes.keys()],
      attached: async () =>
        new Map([...disks.values()].filter((d) => d.machines.length > 0).map((d) => [d.id, d.machines])),
      size: async (id) => of(id).sizeBytes,
      location: async (id) => of(id).location,
      description: async (id) => of(id).description,
      note: async (name) => notes.get(name),
    };
  }

  disk(id: string, p: Patience): Promise<Disk | undefined> {
    return isUuid(id) ? this.#disk(id, p) : Promise.resolve(undefined);
  }

  diskAt(location: string, p: Patience): Promise<Disk | undefined> {
    return this.#disk(location, p);
  }

  async #disk(what: string, p: Patience): Promise<Disk | undefined> {
    try {
      return oneDisk((await this.#run(['showmediuminfo', 'disk', what], p)).stdout);
    } catch (e) {
      // A uuid that is not known is taken for a path, and refused as such.
      if (is(e, 'not_found') || (is(e, 'file') && isUuid(what))) return undefined;
      throw e;
    }
  }

  async open(location: string, p: Patience): Promise<Disk> {
    const registered = (id: string, all: string): boolean => allDisks(all).some((d) => d.id === id);
    const disk = await this.#disk(location, p);
    if (disk === undefined) throw new VboxError('not_found', `There is no disk at ${location}`);
    if (registered(disk.id, (await this.#run(['list', '-l', 'hdds'], p)).stdout)) return disk;
    // VBoxManage has no verb that registers a disk and does nothing else: this gives it the type that it has.
    await this.#run(['modifymedium', 'disk', location, '--type', 'normal'], p, { acts: true });
    return disk;
  }

  create(disk: NewDisk & { readonly sizeBytes: number }, p: Patience): Promise<string> {
    return this.#make(
      disk,
      ['createmedium', 'disk', '--filename', disk.location, '--sizebyte', String(disk.sizeBytes)],
      p,
    );
  }

  async copy(from: string, disk: NewDisk, p: Patience): Promise<string> {
    if ((await this.#disk(from, p)) === undefined) throw gone(from);
    return this.#make(disk, ['clonemedium', 'disk', from, disk.location], p);
  }

  /** VBoxManage cannot make a disk with its mark on it: an intent tells what is left in between (S12). */
  async #make(disk: NewDisk, args: readonly string[], p: Patience): Promise<string> {
    if ((await this.diskAt(disk.location, p)) !== undefined) {
      throw new VboxError('exists', `There is a disk at ${disk.location} (VERR_ALREADY_EXISTS)`);
    }
    const kind = ['--format', disk.format, '--variant', disk.fixed ? 'Fixed' : 'Standard'];
    const intent = `${MAKING}${randomUUID()}`;
    await this.setNote(intent, JSON.stringify({ maker: this.#maker.token, location: disk.location }), p);
    try {
      const { stdout } = await this.#run([...args, ...kind], p, { acts: true });
      const id = /UUID: ([0-9a-f-]{36})/i.exec(stdout)?.[1]?.toLowerCase();
      if (id === undefined) throw new VboxError('protocol', `VBoxManage does not say what it made: ${stdout.trim()}`);
      await this.describe(id, disk.description, lastWords());
      return id;
    } finally {
      await this.setNote(intent, undefined, lastWords()).catch(() => undefined);
    }
  }

  async resize(id: string, sizeBytes: number, p: Patience): Promise<number> {
    const disk = await this.#disk(id, p);
    if (disk === undefined) throw gone(id);
    if (disk.sizeBytes === 0) throw new VboxError('file', `VirtualBox does not know how large disk ${id} is`);
    if (disk.sizeBytes >= sizeBytes) return disk.sizeBytes;
    await this.#run(['modifymedium', 'disk', id, '--resizebyte', String(sizeBytes)], p, { acts: true });
    return (await this.#disk(id, p))?.sizeBytes ?? 0;
  }

  async describe(id: string, text: string, p: Patience): Promise<void> {
    await this.#run(['modifymedium', 'disk', id, `--description=${text}`], p, { acts: true });
  }

  async remove(id: string, p: Patience): Promise<void> {
    const disk = await this.#disk(id, p);
    // By its registered uuid only: a path would be opened and deleted although nobody registered it.
    if (disk === undefined) return;
    const how = disk.state === 'inaccessible' ? [] : ['--delete'];
    try {
      await this.#run(['closemedium', 'disk', id, ...how], p, { acts: true });
    } catch (e) {
      if (!is(e, 'not_found', 'file') || (await this.#disk(id, p)) !== undefined) throw e;
    }
  }

  async accessible(id: string, p: Patience): Promise<boolean> {
    return (await this.#disk(id, p))?.state === 'ready';
  }

  async notes(p: Patience): Promise<readonly string[]> {
    return [...(await this.#allNotes(p)).keys()];
  }
  async notesWhere(which: (name: string) => boolean, p: Patience): Promise<ReadonlyMap<string, string>> {
    return new Map([...(await this.#allNotes(p))].filter(([name]) => which(name)));
  }
  async #allNotes(p: Patience): Promise<Map<string, string>> {
    return allNotes((await this.#run(['getextradata', 'global', 'enumerate'], p)).stdout, NOTE);
  }
  async note(name: string, p: Patience): Promise<string | undefined> {
    return oneNote((await this.#run(['getextradata', 'global', name], p)).stdout);
  }
  async setNote(name: string, text: string | undefined, p: Patience): Promise<void> {
    await this.#run(['setextradata', 'global', name, ...(text === undefined ? [] : [text])], p, { acts: true });
  }

  async machines(p: Patience): Promise<readonly Machine[]> {
    const ids = machineIds((await this.#run(['list', 'vms'], p)).stdout);
    const all: MachineInfo[] = [];
    for (const id of ids) all.push(...((await this.#machine(id, p)) ?? []));
    return all;
  }

  async machine(nameOrId: string, p: Patience): Promise<Machine | undefined> {
    return (await this.#machine(nameOrId, p))[0];
  }

  async #machine(nameOrId: string, p: Patience): Promise<MachineInfo[]> {
    try {
      const m = machineOf((await this.#run(['showvminfo', nameOrId, '--machinereadable'], p)).stdout);
      return m === undefined ? [] : [m];
    } catch (e) {
      if (is(e, 'not_found')) return [];
      throw e;
    }
  }

  attach(wish: AttachWish, p: Patience): Promise<Slot> {
    return this.#turns.take(wish.machine, () => this.#plugging.attach(wish, p));
  }

  detach(wish: Omit<AttachWish, 'controller'>, p: Patience): Promise<boolean> {
    return this.#turns.take(wish.machine, () => this.#plugging.detach(wish, p));
  }

  /** A lock of VBoxManage ends with it; a disk that never got its mark does not. */
  async recover(p: Patience): Promise<readonly string[]> {
    const did: string[] = [];
    for (const [name, text] of await this.#allNotes(p)) {
      if (!name.startsWith(MAKING)) continue;
      const { maker = '', location = '' } = JSON.parse(text) as { maker?: string; location?: string };
      if (!this.#maker.isDead(maker)) continue;
      const disk = await this.diskAt(location, p);
      if (disk?.description === '' && disk.machines.length === 0) {
        await this.remove(disk.id, p);
        did.push(`removed ${location}, which was left half made`);
      }
      await this.setNote(name, undefined, p);
    }
    return did;
  }

  close(): Promise<void> {
    return this.#turns.idle();
  }
}

const gone = (id: string): VboxError => new VboxError('not_found', `No disk ${id} is registered with VirtualBox`);
