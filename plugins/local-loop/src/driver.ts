import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Attachment,
  type AttachOptions,
  assertName,
  type Bytes,
  bytes,
  type Ctx,
  type DriverVolume,
  FS_TYPES,
  type InitialRecord,
  isVolumeError,
  type NodeFacts,
  type Ownership,
  type Page,
  type RecordPatch,
  type SnapshotVerbs,
  type Space,
  type StorageDriver,
  type Traits,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import { adopt } from './adopt.ts';
import { attach } from './attach.ts';
import { type Calls, directCalls, pooledCalls } from './calls.ts';
import { type Foreign, type Loaded, toForeignVolume, toVolume, Volumes } from './client.ts';
import type { LocalLoopConfig, LocalLoopParams } from './config.ts';
import { copyVolume } from './copies.ts';
import { notOurs } from './errors.ts';
import { parseId } from './layout.ts';
import { Listing } from './listing.ts';
import { Making } from './making.ts';
import { Place } from './place.ts';
import { processToken } from './process.ts';
import { Ceiling, ceiling, roundedSize, SIZES } from './sizes.ts';
import { snapshotVerbs } from './snapshots.ts';
import { remove, type Self, sweep } from './work.ts';

type Volume = DriverVolume<LocalLoopParams>;
type Spec = VolumeSpec<LocalLoopParams>;

const RETRIES = 20;

/** Sparse image files below one directory, which several nodes may share. Edits files only. */
export class LocalLoopDriver implements StorageDriver<LocalLoopParams> {
  readonly traits: Traits;
  readonly snapshots: SnapshotVerbs<LocalLoopParams>;
  readonly #volumes: Volumes;
  readonly #place: Place;
  readonly #listing: Listing;
  readonly #ceiling: Ceiling;
  readonly #making: Making;
  /** The same object as `traits`: `fencing` is settled once the directory is known. */
  readonly #traits: { -readonly [K in keyof Traits]: Traits[K] };
  #self: Self = { node: 'unknown', boot: 'unknown' };

  /**
   * @param libDir where the images are if the configuration does not say
   * @param calls the file calls; a shared directory's never block this thread
   */
  constructor(config: Partial<LocalLoopConfig>, libDir: string, calls?: Calls) {
    const shared = config.shared === true;
    const files = calls ?? (shared ? pooledCalls : directCalls);
    this.#place = new Place(resolve(config.volumePath ?? libDir), files, shared);
    this.#volumes = new Volumes(files, this.#place);
    this.#listing = new Listing(this.#volumes, shared ? 2000 : 50);
    this.#ceiling = new Ceiling(ceiling(config), this.#listing);
    this.#making = new Making(this.#volumes, this.#ceiling);
    this.#traits = {
      scope: shared ? 'global' : 'local',
      multiWriter: false,
      fencing: 'none',
      sizes: SIZES,
      fsTypes: FS_TYPES,
      blocking: true,
    };
    this.traits = this.#traits;
    this.snapshots = snapshotVerbs({
      volumes: this.#volumes,
      run: (ctx, f) => this.#run(ctx, f),
      checkName: assertName,
      copyVolume: (id, to, ctx) => copyVolume(this.#volumes, id, to, this.#self, ctx),
      room: (size, ctx) => this.#ceiling.assert(size, ctx),
      copyOf: async (source, name, spec, ctx) =>
        toVolume(await this.#making.copyOf(source, name, spec, this.#self, ctx)),
    });
  }

  async whoami(facts: NodeFacts, _ctx: Ctx): Promise<string> {
    this.#self = { node: facts.nodeId, boot: facts.bootId };
    this.#place.token = processToken(facts.nodeId, facts.bootId);
    // A place that is not there yet is made and probed by `identity`, which knows whether it may be.
    if (await this.#place.exists()) await this.#pin(undefined);
    return facts.nodeId;
  }

  async identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    ctx.signal.throwIfAborted();
    return this.#pin(o.expected);
  }

  list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    return this.#run(ctx, () => this.#listing.page(query, ctx));
  }

  get(id: string, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, async () => {
      const foreign = await this.#foreign(id);
      return foreign === undefined ? toVolume(await this.#volumes.own(id)) : toForeignVolume(foreign);
    });
  }

  find(name: string, ctx: Ctx): Promise<Volume | undefined> {
    return this.#run(ctx, async () => {
      assertName(name);
      const v = await this.#volumes.load(name);
      return v === undefined ? undefined : toVolume(v);
    });
  }

  create(name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, async () => {
      assertName(name);
      return toVolume(await this.#making.create(name, spec, this.#self, ctx));
    });
  }

  remove(id: string, ctx: Ctx): Promise<void> {
    return this.#run(ctx, async () => {
      try {
        await remove(this.#volumes, await this.#volumes.own(id), this.#self, ctx);
      } catch (e) {
        if (!isVolumeError(e, 'not_found')) throw e;
      }
    });
  }

  attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    return this.#run(ctx, async () => {
      const foreign = await this.#foreign(id);
      if (foreign === undefined) return attach(this.#volumes, id, { node, o, ctx });
      // To look at what is in it, before it is adopted; nothing is claimed, because nothing may be written.
      if (!o.readonly) throw notOurs(foreign.entry);
      const { dev, ino } = foreign.image;
      return { kind: 'file', path: foreign.imagePath, readonly: true, inode: { dev: String(dev), ino: String(ino) } };
    });
  }

  detach(id: string, node: string, _o: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    return this.#run(ctx, async () => {
      const parsed = parseId(id);
      const v = parsed?.kind === 'own' ? await this.#volumes.load(parsed.name) : undefined;
      if (parsed?.kind !== 'own' || v?.scan.inc !== parsed.inc) return;
      if (v.claim?.kind !== 'attach' || v.claim.node !== node) return;
      await this.#volumes.claims.release(v.name, v.scan.inc, v.claim, v.scan.asked);
    });
  }

  mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, () => {
      const mark = { patch, ifRevision: o.ifRevision };
      // A stale one is refused at once; an expand at the same time only makes it start again.
      const change = (v: Loaded): Promise<void> => this.#volumes.records.swap(v.name, v.scan, v.kept, { mark });
      return this.#swapping(id, ctx, change, o.ifRevision);
    });
  }

  modify(
    id: string,
    change: { readonly params?: Partial<LocalLoopParams>; readonly hints?: VolumeRecord['hints'] },
    ctx: Ctx,
  ): Promise<Volume> {
    return this.#run(ctx, () =>
      this.#swapping(id, ctx, async (v) => {
        const patch = { hints: { ...v.kept.record.hints, ...change.hints } };
        const mark = { patch, ifRevision: v.kept.record.revision };
        await this.#volumes.records.swap(v.name, v.scan, v.kept, { mark });
      }),
    );
  }

  expand(id: string, asked: Bytes, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, () =>
      this.#swapping(id, ctx, async (v) => {
        const have = Number(v.image.size);
        if (asked <= have) return;
        const sizeBytes = roundedSize(asked);
        await this.#ceiling.assert(sizeBytes - have, ctx);
        await this.#volumes.calls.grow(v.imagePath, sizeBytes);
        // Of a switch in between (S10), only one of the two gets its record through: the other starts again.
        await this.#volumes.records.swap(v.name, v.scan, v.kept, { sizeBytes });
      }),
    );
  }

  capacity(ctx: Ctx): Promise<Space> {
    return this.#run(ctx, async () => {
      const s = await statfs(this.#place.root, { bigint: true });
      const space = { totalBytes: bytes(Number(s.blocks * s.bsize)), freeBytes: bytes(Number(s.bavail * s.bsize)) };
      return this.#ceiling.of(space, ctx);
    });
  }

  clone(id: string, name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, async () => {
      assertName(name);
      const v = await this.#volumes.own(id);
      const copyTo = async (to: string): Promise<void> => {
        await copyVolume(this.#volumes, id, to, this.#self, ctx);
      };
      const source = { id, sizeBytes: Number(v.image.size), record: v.kept.record, copyTo };
      return toVolume(await this.#making.copyOf(source, name, spec, this.#self, ctx));
    });
  }

  adopt(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<Volume> {
    return this.#run(ctx, async () => {
      assertName(name);
      return toVolume(await adopt(this.#volumes, id, name, record, this.#self));
    });
  }

  owner(id: string, node: string, ctx: Ctx): Promise<Ownership> {
    return this.#run(ctx, async () => {
      const v = await this.#volumes.own(id);
      const { claim, scan } = v;
      if (claim?.kind !== 'attach') return { mine: false, epoch: scan.epoch };
      const mine = claim.node === node && claim.ino === String(v.image.ino);
      const asker = mine ? await this.#volumes.claims.asker(v.name, scan) : undefined;
      return { mine, node: claim.node, epoch: scan.epoch, ...(asker !== undefined && { releaseAsked: asker }) };
    });
  }

  requestRelease(id: string, node: string, ctx: Ctx): Promise<void> {
    return this.#run(ctx, async () => {
      const v = await this.#volumes.own(id);
      if (v.claim?.kind !== 'attach' || v.claim.node === node) return;
      await this.#volumes.claims.ask(v.name, v.scan, node);
    });
  }

  sweep(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]> {
    return this.#run(ctx, () => sweep(this.#volumes, { node, boot: bootId }));
  }

  async close(): Promise<void> {}

  /** Every verb: only while the place is the one that was pinned (S9). */
  async #run<T>(ctx: Ctx, f: () => Promise<T>): Promise<T> {
    ctx.signal.throwIfAborted();
    await this.#place.verify();
    this.#traits.fencing = this.#place.reflink ? 'switch' : 'none';
    return f();
  }

  async #pin(expected: string | undefined): Promise<string> {
    const id = await this.#place.pin(expected);
    this.#traits.fencing = this.#place.reflink ? 'switch' : 'none';
    return id;
  }

  async #foreign(id: string): Promise<Foreign | undefined> {
    const parsed = parseId(id);
    return parsed?.kind === 'foreign' ? this.#volumes.foreign(parsed.entry, parsed.ino) : undefined;
  }

  /** A change of the record that starts again when somebody else changed it meanwhile, but not once it has another revision than `only`. */
  async #swapping(id: string, ctx: Ctx, change: (v: Loaded) => Promise<void>, only?: string): Promise<Volume> {
    for (let i = 0; ; i++) {
      ctx.signal.throwIfAborted();
      const v = await this.#volumes.own(id);
      try {
        await change(v);
        return toVolume(await this.#volumes.own(id));
      } catch (e) {
        const stale = only !== undefined && only !== v.kept.record.revision;
        if (!isVolumeError(e, 'busy') || stale || i >= RETRIES) throw e;
      }
    }
  }
}
