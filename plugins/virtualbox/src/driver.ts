import {
  type Attachment,
  type AttachOptions,
  assertName,
  type Bytes,
  bytes,
  type Ctx,
  FS_TYPES,
  type InitialRecord,
  type Logger,
  type NodeFacts,
  nextRecord,
  type Page,
  type RecordPatch,
  type SnapshotVerbs,
  type StorageDriver,
  type Traits,
  VolumeError,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import { Attaching } from './attaching.ts';
import { CliClient } from './cli/client.ts';
import { type Client, lastWords } from './client.ts';
import { type VirtualBoxConfig, type VirtualBoxParams, withDefaults } from './config.ts';
import { is } from './errors.ts';
import { Locks } from './locks.ts';
import { Maker } from './maker.ts';
import { Making, MOST, STEP, usedByRunning } from './making.ts';
import { Folder } from './names.ts';
import { whoami } from './nodes.ts';
import { Notes, revision } from './notes.ts';
import { Place } from './place.ts';
import { Snapshots, sourceOf } from './snapshots.ts';
import { SoapClient } from './soap/client.ts';
import { type Loaded, type Volume, Volumes } from './volumes.ts';

type Spec = VolumeSpec<VirtualBoxParams>;

/** Disks of a VirtualBox host. Its own attachment is the claim, and a takeover takes the disk from the loser's machine. */
export class VirtualBoxDriver implements StorageDriver<VirtualBoxParams> {
  readonly traits: Traits = {
    scope: 'global',
    multiWriter: false,
    fencing: 'detach',
    sizes: { min: bytes(STEP), max: bytes(MOST), step: bytes(STEP) },
    fsTypes: FS_TYPES,
  };
  readonly snapshots: SnapshotVerbs<VirtualBoxParams>;
  readonly #config: VirtualBoxConfig;
  readonly #client: Client;
  readonly #maker = new Maker();
  readonly #volumes: Volumes;
  readonly #making: Making;
  readonly #locks: Locks;
  readonly #attaching: Attaching;
  readonly #logger: Logger;

  /** @param dir for locks among processes of this host, with transport `cli` */
  constructor(config: Partial<VirtualBoxConfig>, logger: Logger, dir: string) {
    const c = withDefaults(config);
    this.#config = c;
    this.#logger = logger;
    this.#client = c.transport === 'cli' ? new CliClient(c, this.#maker, dir) : new SoapClient(c, this.#maker);
    this.#volumes = new Volumes(this.#client, new Place(this.#client, new Folder(c.volumePath)));
    this.#making = new Making(this.#volumes, c);
    this.#locks = new Locks(this.#client, this.#maker);
    const settings = { controller: c.controllerName, diskIDPath: c.diskIDPath, scsiHostPath: c.scsiHostPath };
    this.#attaching = new Attaching(this.#volumes, this.#locks, settings, logger);
    const s = new Snapshots(this.#volumes, this.#making);
    this.snapshots = {
      list: (query, ctx) => s.page(query, ctx),
      create: (volumeId, name, o, ctx) => s.create(volumeId, name, o.consistency, ctx),
      remove: (id, ctx) => s.remove(id, ctx),
      restore: async (id, name, spec, ctx) => {
        assertName(name);
        return this.#shown(await s.restore(id, name, spec, ctx));
      },
    };
  }

  async whoami(facts: NodeFacts, ctx: Ctx): Promise<string> {
    this.#maker.is(facts.nodeId, facts.bootId);
    // What a process of this node left locked would stand in the way of everything else.
    for (const did of await this.#client.recover(ctx)) this.#logger.warn({}, did);
    return whoami(this.#client, this.#config.localMachineNameOrId, facts, ctx);
  }

  /** By the addresses of the machine that asks; where it was told its name (`remote.node`), by that. */
  nodeOf(facts: NodeFacts, ctx: Ctx): Promise<string> {
    return whoami(this.#client, facts.instance ?? '', facts, ctx);
  }

  async identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    const { place } = this.#volumes;
    const written = (id: string): string => `virtualbox:${id}:${place.folder.path}`;
    const pinned = /^virtualbox:([0-9a-f-]{36}):/.exec(o.expected ?? '')?.[1];
    const found = written(await place.here(ctx, pinned));
    if (o.expected === undefined || o.expected === found) return found;
    throw new VolumeError('unavailable', `This is ${found}; this node used ${o.expected} before.`, {
      details: { expected: o.expected, found },
      hint: 'Nothing was changed. Check virtualbox.endpoint and virtualbox.volumePath, or name the service otherwise.',
    });
  }

  list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    return this.#volumes.page(query, ctx);
  }

  get(id: string, ctx: Ctx): Promise<Volume> {
    return this.#volumes.get(id, ctx);
  }

  async find(name: string, ctx: Ctx): Promise<Volume | undefined> {
    assertName(name);
    const v = await this.#volumes.find(name, ctx);
    return v === undefined ? undefined : this.#shown(v);
  }

  async create(name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    ctx.signal.throwIfAborted();
    assertName(name);
    return this.#shown(await this.#making.create(name, spec, ctx));
  }

  async remove(id: string, ctx: Ctx): Promise<void> {
    const v = await this.#volumes.ownOrAbsent(id, ctx);
    if (v === undefined) return;
    if (v.disk.machines.length > 0) throw attached(v);
    const here = await this.#volumes.place.here(ctx);
    try {
      await this.#client.remove(v.disk.id, ctx);
    } catch (e) {
      if (is(e, 'in_use')) throw attached(v, e);
      throw e;
    }
    await this.#volumes.notes.drop(Notes.key(here, 'volume', v.note.name, v.disk.id), lastWords());
  }

  attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    return this.#attaching.attach(id, node, o, ctx);
  }

  detach(id: string, node: string, _: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    return this.#attaching.detach(id, node, ctx);
  }

  async mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    const here = await this.#volumes.place.here(ctx);
    // Who is late already need not wait to hear it.
    const seen = (await this.#volumes.own(id, ctx)).note.record;
    nextRecord(seen, patch, { ifRevision: o.ifRevision, revision: '' });
    return this.#locks.hold(here, id, ctx, async () => {
      const v = await this.#volumes.own(id, ctx);
      const record = nextRecord(v.note.record, patch, { ifRevision: o.ifRevision, revision: revision() });
      const note = { ...v.note, record };
      await this.#volumes.notes.write(here, v.disk.id, note, ctx);
      return this.#shown({ ...v, note });
    });
  }

  async expand(id: string, sizeBytes: Bytes, ctx: Ctx): Promise<Volume> {
    return this.#shown(await this.#making.expand(id, sizeBytes, ctx));
  }

  async modify(
    id: string,
    change: { readonly params?: Partial<VirtualBoxParams>; readonly hints?: VolumeRecord['hints'] },
    ctx: Ctx,
  ): Promise<Volume> {
    const v = await this.#volumes.own(id, ctx);
    const wrong = (['format', 'fixed'] as const).find(
      (k) => change.params?.[k] !== undefined && change.params[k] !== v.note[k],
    );
    if (wrong !== undefined) {
      throw new VolumeError('unsupported', `The ${wrong} of a disk cannot be changed.`, {
        details: { verb: 'modify', option: wrong },
        hint: `Clone it with another ${wrong}.`,
      });
    }
    const hints = { ...v.note.record.hints, ...change.hints };
    return this.mark(id, { hints }, { ifRevision: v.note.record.revision }, ctx);
  }

  async clone(id: string, name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    assertName(name);
    const v = await this.#volumes.own(id, ctx);
    try {
      return this.#shown(await this.#making.create(name, spec, ctx, sourceOf(v.disk, v.note.fixed)));
    } catch (e) {
      if (is(e, 'locked', 'state')) throw usedByRunning(v, e);
      throw e;
    }
  }

  async adopt(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<Volume> {
    assertName(name);
    return this.#shown(await this.#making.adopt(id, name, record, ctx));
  }

  async sweep(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]> {
    void node;
    void bootId;
    const here = await this.#volumes.place.here(ctx);
    await this.#locks.sweep(here, ctx);
    return this.#client.recover(ctx);
  }

  /** Calls of the web service, or runs of VBoxManage, since this driver was made. */
  get calls(): number {
    return this.#client.calls;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #shown(v: Loaded): Volume {
    return this.#volumes.shown(v.disk, v.note);
  }
}

const attached = (v: Loaded, cause?: unknown): VolumeError<'in_use'> =>
  new VolumeError(
    'in_use',
    `Volume "${v.note.name}" is attached to machine ${v.disk.machines.join(', ') || 'of VirtualBox'}.`,
    {
      details: { ...(v.disk.machines[0] !== undefined && { node: v.disk.machines[0] }), epoch: 0 },
      ...(cause !== undefined && { cause }),
      hint: 'Detach it there first.',
    },
  );
