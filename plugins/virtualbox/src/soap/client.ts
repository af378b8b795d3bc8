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
import { Turns } from '../waiting.ts';
import { plug, unplug } from './attaching.ts';
import { Locking } from './locking.ts';
import { attachmentsOf, describeMachine, findMachine, machineId, machineRefs } from './machines.ts';
import {
  diskOf,
  finished,
  gone,
  idOf,
  mediumOf,
  newMedium,
  openMedium,
  sizeOf,
  unregister,
  variantOf,
} from './media.ts';
import { poster } from './post.ts';
import { Session, type Wire } from './session.ts';

/** VirtualBox by the web service of its host. */
export class SoapClient implements Client {
  readonly #session: Session;
  readonly #locking: Locking;
  readonly #closePost: () => void;
  readonly #machines = new Turns();

  constructor(config: VirtualBoxConfig, maker: Maker) {
    const { post, close } = poster(config, milliseconds(config.requestTimeout));
    this.#session = new Session(post, { name: config.userName, password: config.password });
    this.#closePost = close;
    const notes = {
      set: this.setNote.bind(this),
      get: this.note.bind(this),
      list: this.notes.bind(this),
    };
    this.#locking = new Locking(this.#session, notes, maker);
  }

  get calls(): number {
    return this.#session.calls;
  }

  survey(p: Patience): Promise<Survey> {
    return this.#session.run(p, async (w) => {
      // Notes first: a note without a disk is then one whose disk is gone, not one whose disk is yet to be seen.
      const notes = await this.#noteNames(w);
      const media = (await w.call('IVirtualBox_getHardDisks', { _this: w.vb })).texts();
      const refs = new Map<string, string>();
      for (const m of media) refs.set(await idOf(w, m), m);
      const ask = async (id: string, what: string): Promise<string> =>
        (await w.call(`IMedium_get${what}`, { _this: refs.get(id) ?? '' })).text();
      return {
        disks: [...refs.keys()],
        notes,
        attached: () => attachedDisks(w),
        size: (id) => sizeOf(w, refs.get(id) ?? ''),
        location: (id) => ask(id, 'Location'),
        description: (id) => ask(id, 'Description'),
        note: (name) => this.note(name, p),
      };
    });
  }

  disk(id: string, p: Patience): Promise<Disk | undefined> {
    return this.#session.run(p, async (w) => {
      const medium = await mediumOf(w, id);
      return medium === undefined ? undefined : diskOf(w, medium);
    });
  }

  diskAt(location: string, p: Patience): Promise<Disk | undefined> {
    return this.#session.run(p, async (w) => {
      const before = new Set((await w.call('IVirtualBox_getHardDisks', { _this: w.vb })).texts());
      const medium = await openMedium(w, location);
      if (medium === undefined) return undefined;
      try {
        return await diskOf(w, medium);
      } finally {
        if (!before.has(medium)) await unregister(w, medium).catch(() => undefined);
      }
    });
  }

  open(location: string, p: Patience): Promise<Disk> {
    return this.#session.run(p, async (w) => {
      const medium = await openMedium(w, location);
      const disk = medium === undefined ? undefined : await diskOf(w, medium);
      if (disk === undefined) throw new VboxError('not_found', `There is no disk at ${location}`);
      return disk;
    });
  }

  create(disk: NewDisk & { readonly sizeBytes: number }, p: Patience): Promise<string> {
    return this.#session.run(p, async (w) => {
      const medium = await newMedium(w, disk);
      const args = { _this: medium, logicalSize: disk.sizeBytes, variant: variantOf(disk.fixed) };
      return this.#made(w, medium, (await w.call('IMedium_createBaseStorage', args)).text(), p);
    });
  }

  copy(from: string, disk: NewDisk, p: Patience): Promise<string> {
    return this.#session.run(p, async (w) => {
      const source = await mediumOf(w, from);
      if (source === undefined) throw gone(from);
      const target = await newMedium(w, disk);
      const args = { _this: source, target, variant: variantOf(disk.fixed) };
      return this.#made(w, target, (await w.call('IMedium_cloneToBase', args)).text(), p);
    });
  }

  async #made(w: Wire, medium: string, progress: string, p: Patience): Promise<string> {
    // VirtualBox makes the disk with or without us: how it ended is what the caller must know.
    const patient: Wire = { ...w, call: (m, a) => w.call(m, a, lastWords(60_000)) };
    try {
      await finished(patient, progress, p, 'Making the disk failed');
    } catch (e) {
      await w.call('IManagedObjectRef_release', { _this: medium }, lastWords(5_000)).catch(() => undefined);
      throw e;
    }
    return idOf(patient, medium);
  }

  resize(id: string, sizeBytes: number, p: Patience): Promise<number> {
    return this.#session.run(p, async (w) => {
      const medium = await mediumOf(w, id);
      if (medium === undefined) throw gone(id);
      await w.call('IMedium_refreshState', { _this: medium });
      const now = await sizeOf(w, medium);
      if (now === 0) throw new VboxError('file', `VirtualBox does not know how large disk ${id} is`);
      if (now >= sizeBytes) return now;
      const progress = (await w.call('IMedium_resize', { _this: medium, logicalSize: sizeBytes })).text();
      await finished(w, progress, p, 'Growing the disk failed');
      // Without it the old size is answered.
      await w.call('IMedium_refreshState', { _this: medium });
      return Number((await w.call('IMedium_getLogicalSize', { _this: medium })).text());
    });
  }

  describe(id: string, description: string, p: Patience): Promise<void> {
    return this.#session.run(p, async (w) => {
      const medium = await mediumOf(w, id);
      if (medium === undefined) throw gone(id);
      await w.call('IMedium_setDescription', { _this: medium, description });
    });
  }

  remove(id: string, p: Patience): Promise<void> {
    return this.#session.run(p, async (w) => {
      const medium = await mediumOf(w, id);
      if (medium === undefined) return;
      if ((await w.call('IMedium_refreshState', { _this: medium })).text() === 'Inaccessible') {
        await unregister(w, medium);
      } else {
        const progress = (await w.call('IMedium_deleteStorage', { _this: medium })).text();
        await finished(w, progress, p, 'Deleting the disk failed');
      }
      w.ids.delete(medium);
      await w.call('IManagedObjectRef_release', { _this: medium }, lastWords(5_000)).catch(() => undefined);
    });
  }

  accessible(id: string, p: Patience): Promise<boolean> {
    return this.#session.run(p, async (w) => {
      const medium = await mediumOf(w, id);
      if (medium === undefined) return false;
      return (await w.call('IMedium_refreshState', { _this: medium })).text() !== 'Inaccessible';
    });
  }

  notes(p: Patience): Promise<readonly string[]> {
    return this.#session.run(p, (w) => this.#noteNames(w));
  }

  notesWhere(which: (name: string) => boolean, p: Patience): Promise<ReadonlyMap<string, string>> {
    return this.#session.run(p, async (w) => {
      const found = new Map<string, string>();
      for (const key of (await this.#noteNames(w)).filter(which)) {
        const text = (await w.call('IVirtualBox_getExtraData', { _this: w.vb, key })).text();
        if (text !== '') found.set(key, text);
      }
      return found;
    });
  }

  async #noteNames(w: Wire): Promise<string[]> {
    return (await w.call('IVirtualBox_getExtraDataKeys', { _this: w.vb })).texts().filter((k) => k.startsWith(NOTE));
  }

  note(name: string, p: Patience): Promise<string | undefined> {
    return this.#session.run(p, async (w) => {
      const text = (await w.call('IVirtualBox_getExtraData', { _this: w.vb, key: name })).text();
      return text === '' ? undefined : text;
    });
  }

  setNote(name: string, text: string | undefined, p: Patience): Promise<void> {
    return this.#session.run(p, async (w) => {
      await w.call('IVirtualBox_setExtraData', { _this: w.vb, key: name, value: text ?? '' });
    });
  }

  machines(p: Patience): Promise<readonly Machine[]> {
    return this.#session.run(p, async (w) => Promise.all((await machineRefs(w)).map((m) => describeMachine(w, m))));
  }

  machine(nameOrId: string, p: Patience): Promise<Machine | undefined> {
    return this.#session.run(p, async (w) => {
      const machine = await findMachine(w, nameOrId);
      return machine === undefined ? undefined : describeMachine(w, machine);
    });
  }

  attach(wish: AttachWish, p: Patience): Promise<Slot> {
    return this.#change(wish, 'attach', p, (w, l, medium) => plug(w, l, medium, wish.controller));
  }

  async detach(wish: Omit<AttachWish, 'controller'>, p: Patience): Promise<boolean> {
    try {
      return await this.#change(wish, 'detach', p, (w, l, medium) => unplug(w, l, medium, wish.machine));
    } catch (e) {
      if (is(e, 'not_found')) return false;
      throw e;
    }
  }

  /** One change of a machine at a time in this process; among processes its lock decides. */
  #change<T>(
    wish: Omit<AttachWish, 'controller'>,
    op: string,
    p: Patience,
    body: (w: Wire, l: Parameters<Parameters<Locking['hold']>[3]>[0], medium: string) => Promise<T>,
  ): Promise<T> {
    return this.#machines.take(wish.machine, () =>
      this.#session.run(p, async (w) => {
        p.signal.throwIfAborted();
        const machine = await findMachine(w, wish.machine);
        if (machine === undefined) throw new VboxError('not_found', `VirtualBox has no machine ${wish.machine}`);
        const medium = await mediumOf(w, wish.disk);
        if (medium === undefined) throw gone(wish.disk);
        const id = await machineId(w, machine);
        return this.#locking.hold(w, { machine, id, op, disk: wish.disk }, p, (l, own) =>
          body({ ...w, call: (m, a) => w.call(m, a, own) }, l, medium),
        );
      }),
    );
  }

  recover(p: Patience): Promise<readonly string[]> {
    return this.#locking.recover(p);
  }

  async close(): Promise<void> {
    await this.#machines.idle();
    await this.#session.close();
    this.#closePost();
  }
}

/** From the machines' side: one call for each of them, instead of one for each disk. */
async function attachedDisks(w: Wire): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const machine of await machineRefs(w)) {
    const rows = await attachmentsOf(w, machine);
    for (const { medium } of rows.filter((r) => r.medium !== '')) {
      // A difference that a snapshot of the machine made stands for its base.
      const base = w.ids.has(medium) ? medium : (await w.call('IMedium_getBase', { _this: medium })).text();
      const id = await idOf(w, base);
      found.set(id, [...(found.get(id) ?? []), await machineId(w, machine)]);
    }
  }
  return found;
}
