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
  type NodeFacts,
  nextRecord,
  notFound,
  type Ownership,
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
import { MemoryBackend, type StoredVolume } from './backend.ts';
import { alreadyExists, assertOurs, differences, inUse, sizeFor } from './checks.ts';
import { attachTo, ownerOf } from './claims.ts';
import { type MemoryConfig, type MemoryParams, withDefaults } from './config.ts';
import type { FaultOp } from './faults.ts';
import { snapshotVerbs } from './snapshots.ts';

type Volume = DriverVolume<MemoryParams>;
const PIB = bytes(2 ** 50);

/** Volumes in memory: all verbs, nothing survives the process. Drivers that share a {@link MemoryBackend} are several nodes on one storage. */
export class MemoryDriver implements StorageDriver<MemoryParams> {
  readonly traits: Traits;
  readonly backend: MemoryBackend;
  readonly snapshots: SnapshotVerbs<MemoryParams>;
  readonly #c: MemoryConfig;
  /** Nobody else has the backend: it ends with this driver, and there is no place that a node could have pinned. */
  readonly #private: boolean;
  #node = '';
  #boot = '';

  constructor(config: Partial<MemoryConfig> = {}, backend?: MemoryBackend) {
    const c = withDefaults(config);
    this.#c = c;
    this.#private = backend === undefined && c.backend === undefined;
    this.backend = backend ?? (c.backend === undefined ? new MemoryBackend() : MemoryBackend.named(c.backend));
    this.traits = {
      scope: c.scope,
      multiWriter: c.multiWriter,
      fencing: c.fencing,
      durable: false,
      sizes: {
        min: bytes(c.minSize),
        step: bytes(c.sizeStep),
        ...(c.maxSize !== undefined && { max: bytes(c.maxSize) }),
      },
      ...(!c.multiWriter && { fsTypes: FS_TYPES }),
      ...(c.maxAttachments !== undefined && { maxAttachments: c.maxAttachments }),
    };
    this.snapshots = snapshotVerbs({
      backend: this.backend,
      run: (op, ctx, effect) => this.#run(op, ctx, effect),
      copy: (source, name, spec) => this.#copy(source, name, spec),
      volume: (id) => this.#volume(id),
      make: (op, name, ctx, effect) => this.#make(op, name, ctx, effect),
    });
  }

  whoami(facts: NodeFacts, ctx: Ctx): Promise<string> {
    return this.#run('whoami', ctx, () => {
      this.#node = facts.nodeId;
      this.#boot = facts.bootId;
      return facts.nodeId;
    });
  }

  identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    return this.#run('identity', ctx, () => {
      const found = this.backend.identity;
      if (o.expected === undefined || o.expected === found) return found;
      if (this.#private) return o.expected;
      throw new VolumeError('unavailable', `The memory storage is ${found}, not the one that was pinned.`, {
        details: { expected: o.expected, found },
        hint: 'Nothing was changed. Open the storage that this node used before.',
      });
    });
  }

  list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    return this.#run('list', ctx, () => {
      const after = [...this.backend.volumes.values()].filter((v) => v.id > (query.cursor ?? ''));
      const items = after.slice(0, query.limit ?? 100);
      const last = items.at(-1);
      return {
        items: items.map(toVolume),
        ...(items.length < after.length && last !== undefined && { next: last.id }),
      };
    });
  }

  get(id: string, ctx: Ctx): Promise<Volume> {
    return this.#run('get', ctx, () => toVolume(this.#volume(id)));
  }

  find(name: string, ctx: Ctx): Promise<Volume | undefined> {
    return this.#run('find', ctx, () => {
      const v = this.backend.byName(name);
      return v === undefined || v.foreign ? undefined : toVolume(v);
    });
  }

  create(name: string, spec: VolumeSpec<MemoryParams>, ctx: Ctx): Promise<Volume> {
    return this.#make('create', name, ctx, () => {
      const there = this.backend.byName(name);
      if (there !== undefined) {
        const differs = differences(there, spec);
        if (there.foreign || Object.keys(differs).length > 0) throw alreadyExists(there, differs);
        return toVolume(there);
      }
      return toVolume(this.backend.put(name, this.#size(spec.sizeBytes), spec.record, { params: spec.params }));
    });
  }

  remove(id: string, ctx: Ctx): Promise<void> {
    return this.#run('remove', ctx, () => {
      const v = this.backend.volumes.get(id);
      if (v === undefined) return;
      assertOurs(v);
      if (v.attachments.length > 0) throw inUse(v);
      v.disk.gone = true;
      this.backend.volumes.delete(id);
    });
  }

  attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    return this.#run('attach', ctx, () => attachTo(this.backend, this.#c, this.#volume(id), node, o));
  }

  detach(id: string, node: string, _o: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    return this.#run('detach', ctx, () => {
      const v = this.backend.volumes.get(id);
      if (v === undefined || !v.attachments.some((a) => a.node === node)) return;
      v.attachments = v.attachments.filter((a) => a.node !== node);
      if (v.attachments.length === 0) delete v.releaseAsked;
    });
  }

  mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    return this.#run('mark', ctx, () => {
      const v = this.#volume(id);
      assertOurs(v);
      const revision = this.backend.revision();
      v.record = structuredClone(nextRecord(v.record, patch, { ifRevision: o.ifRevision, revision }));
      return toVolume(v);
    });
  }

  expand(id: string, sizeBytes: Bytes, ctx: Ctx): Promise<Volume> {
    return this.#run('expand', ctx, () => {
      const v = this.#volume(id);
      assertOurs(v);
      if (sizeBytes > v.disk.sizeBytes) v.disk.sizeBytes = this.#size(sizeBytes, v.disk.sizeBytes);
      return toVolume(v);
    });
  }

  modify(
    id: string,
    change: { readonly params?: Partial<MemoryParams>; readonly hints?: VolumeRecord['hints'] },
    ctx: Ctx,
  ): Promise<Volume> {
    return this.#run('modify', ctx, () => {
      const v = this.#volume(id);
      assertOurs(v);
      v.params = structuredClone({ ...v.params, ...change.params });
      const hints = structuredClone({ ...v.record.hints, ...change.hints });
      v.record = { ...v.record, hints, revision: this.backend.revision() };
      return toVolume(v);
    });
  }

  capacity(ctx: Ctx): Promise<Space> {
    return this.#run('capacity', ctx, () => {
      const total = this.#capacity();
      return { totalBytes: total, freeBytes: bytes(Math.max(0, total - this.backend.usedBytes())) };
    });
  }

  clone(id: string, name: string, spec: VolumeSpec<MemoryParams>, ctx: Ctx): Promise<Volume> {
    return this.#make('clone', name, ctx, () => {
      const v = this.#volume(id);
      assertOurs(v);
      const source = { id, content: v.disk.content, sizeBytes: bytes(v.disk.sizeBytes), record: v.record };
      return this.#copy(source, name, spec);
    });
  }

  adopt(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<Volume> {
    return this.#run('adopt', ctx, () => {
      assertName(name);
      const v = this.#volume(id);
      const other = this.backend.byName(name);
      if (other !== undefined && other !== v) throw alreadyExists(other, {});
      if (!v.foreign) {
        if (v.name !== name) throw alreadyExists(v, { name: { have: v.name, asked: name } });
        return toVolume(v);
      }
      Object.assign(v, {
        name,
        foreign: false,
        record: { ...structuredClone(record), revision: this.backend.revision() },
      });
      return toVolume(v);
    });
  }

  owner(id: string, node: string, ctx: Ctx): Promise<Ownership> {
    return this.#run('owner', ctx, () => ownerOf(this.#volume(id), node));
  }

  requestRelease(id: string, node: string, ctx: Ctx): Promise<void> {
    return this.#run('requestRelease', ctx, () => {
      const v = this.#volume(id);
      if (v.attachments.some((a) => a.node !== node)) v.releaseAsked = node;
    });
  }

  sweep(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]> {
    return this.#run('sweep', ctx, () => {
      // Of this boot, something may still be in the making; of another one, nothing can be.
      const dead = [...this.backend.half.values()].filter((h) => h.node === node && h.bootId !== bootId);
      for (const h of dead) this.backend.half.delete(h.id);
      return dead.map((h) => h.id);
    });
  }

  async close(): Promise<void> {}

  async #run<T>(op: FaultOp, ctx: Ctx, effect: () => T): Promise<T> {
    ctx.signal.throwIfAborted();
    await this.backend.faults.meet(op, 'before', ctx);
    ctx.signal.throwIfAborted();
    if (this.backend.lost) {
      throw new VolumeError('unavailable', 'The memory storage is not there.', {
        details: { expected: this.backend.identity },
        hint: 'Nothing was changed.',
      });
    }
    const result = effect();
    await this.backend.faults.meet(op, 'effect', ctx);
    return result;
  }

  #make(op: FaultOp, name: string, ctx: Ctx, effect: () => Volume): Promise<Volume> {
    const half = this.backend.faults.half(op);
    if (half === undefined) {
      return this.#run(op, ctx, () => {
        assertName(name);
        return effect();
      });
    }
    const id = this.backend.nextId('vol');
    this.backend.half.set(id, { id, name, node: this.#node, bootId: this.#boot });
    return half(ctx).then(() => this.#make(op, name, ctx, effect));
  }

  #copy(
    source: { id: string; content: object; sizeBytes: Bytes; record: VolumeRecord },
    name: string,
    spec: VolumeSpec<MemoryParams>,
  ): Volume {
    const there = this.backend.byName(name);
    if (there !== undefined) {
      if (there.source === source.id) return toVolume(there);
      throw alreadyExists(there, { from: { have: there.source ?? 'nothing', asked: source.id } });
    }
    const { format } = source.record;
    // What stands on the copy is what stands on its source, whatever the caller believes; only consent does not travel (S3).
    const { consent: _, ...blank } = format.state === 'blank' ? format : { consent: undefined };
    const record = {
      ...spec.record,
      format: format.state === 'blank' ? (blank as typeof format) : format,
      copied: true,
    };
    const size = this.#size(bytes(Math.max(spec.sizeBytes, source.sizeBytes)));
    return toVolume(
      this.backend.put(name, size, record, { params: spec.params, content: source.content, source: source.id }),
    );
  }

  #volume(id: string): StoredVolume {
    const v = this.backend.volumes.get(id);
    if (v === undefined) throw notFound('Volume', id);
    return v;
  }

  #capacity(): Bytes {
    return this.#c.capacityBytes === undefined ? PIB : bytes(this.#c.capacityBytes);
  }

  #size(asked: Bytes, replaces = 0): Bytes {
    return sizeFor(this.backend, { ...this.#c, capacity: this.#capacity() }, asked, replaces);
  }
}

export function toVolume(v: StoredVolume): Volume {
  return structuredClone({
    id: v.id,
    name: v.name,
    sizeBytes: bytes(v.disk.sizeBytes),
    createdAt: v.createdAt,
    attachments: v.attachments,
    record: v.record,
    params: v.params,
    ...(v.foreign && { foreign: true }),
    status: { path: v.disk.path },
  });
}
