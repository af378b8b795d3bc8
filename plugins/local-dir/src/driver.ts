import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Attachment,
  type AttachOptions,
  assertName,
  type Bytes,
  bytes,
  type Ctx,
  type InitialRecord,
  type Logger,
  type NodeFacts,
  type Page,
  type RecordPatch,
  type SnapshotVerbs,
  type Space,
  type StorageDriver,
  type Traits,
  VolumeError,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import { copyTree, removeTree } from './children.ts';
import * as claims from './claims.ts';
import type { LocalDirConfig, LocalDirParams } from './config.ts';
import { beingMade, taken } from './errors.ts';
import * as files from './files.ts';
import { KNOWN, parseId, toId } from './layout.ts';
import { assertFree, commit, settleDead, sweepScratch } from './making.ts';
import { pageOf, space } from './pages.ts';
import { Place } from './place.ts';
import { ownToken } from './process.ts';
import { probeQuota, type Quota } from './quota.ts';
import { scan, swapRecord } from './sidecar.ts';
import { snapshotVerbs } from './snapshots.ts';
import { Turns } from './turns.ts';
import { anyByName, assertContent, byId, describe, foreign, type Known, known, names, type Volume } from './volumes.ts';

type Spec = VolumeSpec<LocalDirParams>;

/** Volumes that are directories below one directory. Needs no root; sizes are enforced only where project quotas are. */
export class LocalDirDriver implements StorageDriver<LocalDirParams> {
  readonly snapshots: SnapshotVerbs<LocalDirParams>;
  readonly #place: Place;
  readonly #turns: Turns = new Turns();
  readonly #log: Logger;
  readonly #shared: boolean;
  #quota: Quota | undefined;
  #node = '';
  #boot = '';

  /** @param lib where the volumes are when `volumePath` does not say */
  constructor(config: Partial<LocalDirConfig>, log: Logger, lib: string) {
    this.#shared = config.shared ?? false;
    this.#place = new Place(resolve(config.volumePath ?? lib), this.#shared);
    this.#log = log;
    this.snapshots = snapshotVerbs({
      place: this.#place,
      turns: this.#turns,
      enter: (ctx) => this.#enter(ctx),
      copy: (from, source, name, spec, ctx) => this.#copy(from, source, name, spec, ctx),
    });
  }

  get traits(): Traits {
    return {
      scope: this.#shared ? 'global' : 'local',
      multiWriter: true,
      fencing: 'none',
      blocking: true,
      ...(this.#quota !== undefined && { sizes: { min: bytes(2 ** 20), step: bytes(4096) } }),
    };
  }

  async whoami(facts: NodeFacts, ctx: Ctx): Promise<string> {
    ctx.signal.throwIfAborted();
    this.#node = facts.nodeId;
    this.#boot = facts.bootId;
    this.#place.token = await ownToken(facts.nodeId, facts.bootId);
    // A place that is not there yet has no quota to look at; it gets one when the driver is opened the next time.
    if ((await files.stat(this.#place.root)) !== undefined) this.#quota = await probeQuota(this.#place.root, this.#log);
    return facts.nodeId;
  }

  identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    ctx.signal.throwIfAborted();
    return this.#place.pin(o.expected);
  }

  async list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    await this.#enter(ctx);
    return pageOf(await names(this.#place), query, (name) => anyByName(this.#place, name, this.#enforced));
  }

  async get(id: string, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    const p = parseId(id);
    if (p?.kind === 'foreign') {
      const f = await foreign(this.#place, p.entry);
      if (f?.id === id) return f;
    }
    return this.#describe(await byId(this.#place, id));
  }

  async find(name: string, ctx: Ctx): Promise<Volume | undefined> {
    await this.#enter(ctx);
    assertName(name);
    const k = await known(this.#place, name);
    return k === undefined ? undefined : this.#describe(k);
  }

  async create(name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    assertName(name);
    return this.#turns.take(name, async () => {
      const there = await this.#there(name);
      if (there !== undefined) {
        const { sizeBytes } = there.kept;
        if (!spec.asked.includes('size') || spec.sizeBytes <= sizeBytes) return this.#describe(there);
        throw new VolumeError('already_exists', `Volume "${name}" exists with ${sizeBytes} bytes.`, {
          details: { differs: { size: { have: sizeBytes, asked: spec.sizeBytes } } },
          hint: 'Expand it, or choose another name.',
        });
      }
      return this.#make(name, spec.sizeBytes, spec.record, ctx, {});
    });
  }

  async remove(id: string, ctx: Ctx): Promise<void> {
    await this.#enter(ctx);
    await claims.remove(this.#place, this.#turns, id);
  }

  async attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    await this.#enter(ctx);
    return claims.attach(this.#place, this.#turns, id, node, o);
  }

  async detach(id: string, node: string, _o: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    await this.#enter(ctx);
    await claims.detach(this.#place, this.#turns, id, node);
  }

  async mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    return this.#swap(id, { patch, ifRevision: o.ifRevision }, ctx);
  }

  async expand(id: string, sizeBytes: Bytes, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    const k = await byId(this.#place, id);
    if (sizeBytes <= k.kept.sizeBytes) return this.#describe(k);
    await this.#quota?.limit(await assertContent(this.#place, k.name), this.#fit(sizeBytes));
    return this.#swap(id, { patch: {}, sizeBytes: this.#fit(sizeBytes) }, ctx);
  }

  async modify(id: string, change: { readonly hints?: VolumeRecord['hints'] }, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    const { kept } = await byId(this.#place, id);
    const { hints, revision } = kept.record;
    return this.#swap(id, { patch: { hints: { ...hints, ...change.hints } }, ifRevision: revision }, ctx);
  }

  async capacity(ctx: Ctx): Promise<Space> {
    await this.#enter(ctx);
    return space(await statfs(this.#place.root));
  }

  async clone(id: string, name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    const k = await byId(this.#place, id);
    return this.#copy(await assertContent(this.#place, k.name), { id, kept: k.kept }, name, spec, ctx);
  }

  async adopt(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<Volume> {
    await this.#enter(ctx);
    assertName(name);
    const p = parseId(id);
    return this.#turns.take(name, async () => {
      const there = await this.#there(name);
      if (there !== undefined && (toId(name, there.scan.inc) === id || there.kept.origin === id))
        return this.#describe(there);
      if (there !== undefined) throw taken(name, 'another volume');
      const f = p?.kind === 'foreign' ? await foreign(this.#place, p.entry) : undefined;
      if (p?.kind !== 'foreign' || f?.id !== id) {
        const k = await byId(this.#place, id);
        throw taken(k.name, 'it is ours already, under this name');
      }
      return this.#make(name, bytes(0), record, ctx, { from: this.#place.path(p.entry), origin: id });
    });
  }

  async sweep(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]> {
    await this.#enter(ctx);
    const swept: string[] = [];
    // Marks first: what a mark names below `.tmp` tells whether its content had got its name.
    for (const name of (await files.entries(this.#place.path(KNOWN))) ?? []) {
      const ended = await this.#turns.take(name, () => settleDead(this.#place, name, node, bootId));
      if (ended !== undefined) swept.push(ended);
    }
    return [...swept, ...(await sweepScratch(this.#place, node, bootId))];
  }

  async close(): Promise<void> {}

  get #enforced(): boolean {
    return this.#quota !== undefined;
  }

  async #enter(ctx: Ctx): Promise<void> {
    ctx.signal.throwIfAborted();
    await this.#place.verify();
  }

  #describe(k: Known): Promise<Volume> {
    return describe(this.#place, k, this.#enforced);
  }

  /** The volume of a name, after what a dead process left of it was ended. @throws VolumeError `busy` where a living one works on it */
  async #there(name: string): Promise<Known | undefined> {
    await settleDead(this.#place, name, this.#node, this.#boot);
    const s = await scan(this.#place, name);
    if (s?.making === true || s?.removing === true) throw beingMade(name);
    return known(this.#place, name);
  }

  async #make(
    name: string,
    asked: Bytes,
    record: InitialRecord,
    ctx: Ctx,
    o: { readonly from?: string; readonly origin?: string },
  ): Promise<Volume> {
    const quota = asked > 0 ? this.#quota : undefined;
    const sizeBytes = this.#fit(asked);
    await commit({
      place: this.#place,
      name,
      ctx,
      stored: {
        sizeBytes,
        createdAt: new Date().toISOString(),
        record,
        ...(o.origin !== undefined && { origin: o.origin }),
      },
      ...(o.from !== undefined && { from: o.from }),
      ...(quota !== undefined && { prepare: (dir: string) => quota.limit(dir, sizeBytes) }),
    });
    const made = await known(this.#place, name);
    if (made === undefined) throw beingMade(name);
    return this.#describe(made);
  }

  async #copy(
    from: string,
    source: Pick<Known, 'kept'> & { readonly id: string },
    name: string,
    spec: Spec,
    ctx: Ctx,
  ): Promise<Volume> {
    assertName(name);
    return this.#turns.take(name, async () => {
      const there = await this.#there(name);
      if (there !== undefined) {
        if (there.kept.origin === source.id) return this.#describe(there);
        throw taken(name, 'another volume');
      }
      await assertFree(this.#place, name);
      const tmp = this.#place.scratch();
      try {
        await copyTree(from, tmp, ctx);
        const size = bytes(Math.max(spec.sizeBytes, source.kept.sizeBytes));
        const record = { ...spec.record, format: source.kept.record.format, copied: true };
        return await this.#make(name, size, record, ctx, { from: tmp, origin: source.id });
      } catch (e) {
        await removeTree(tmp, 30_000).catch(() => undefined);
        throw e;
      }
    });
  }

  async #swap(
    id: string,
    change: { readonly patch: RecordPatch; readonly ifRevision?: string; readonly sizeBytes?: Bytes },
    ctx: Ctx,
  ): Promise<Volume> {
    await this.#enter(ctx);
    const { name } = await byId(this.#place, id);
    return this.#turns.take(name, async () => {
      await swapRecord(this.#place, name, (await byId(this.#place, id)).scan, change);
      return this.#describe(await byId(this.#place, id));
    });
  }

  #fit(asked: Bytes): Bytes {
    const { min = 0, step = 1 } = this.traits.sizes ?? {};
    return asked === 0 ? asked : bytes(Math.max(min, Math.ceil(asked / step) * step));
  }
}
