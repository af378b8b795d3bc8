import {
  type Attachment,
  type AttachOptions,
  assertName,
  type Bytes,
  bytes,
  type Ctx,
  type DriverSnapshot,
  type DriverVolume,
  FS_TYPES,
  GIB,
  type InitialRecord,
  type NodeFacts,
  notFound,
  type Page,
  type RecordPatch,
  type SnapshotVerbs,
  type StorageDriver,
  type Traits,
  VolumeError,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import { adopt } from './adopt.ts';
import { attach, inUse } from './attach.ts';
import { type Pace, USUAL_PACE } from './batch.ts';
import type { ActionCount } from './buckets.ts';
import { Client } from './client.ts';
import { type Clock, type Patience, realClock } from './clock.ts';
import { type EbsConfig, type EbsParams, milliseconds, waitBound, withDefaults } from './config.ts';
import { Copying } from './copying.ts';
import { Making } from './create.ts';
import { decodeCursor, nextPage } from './cursor.ts';
import { detachFrom } from './detach.ts';
import type { Action, Ec2 } from './ec2.ts';
import { is, isUnknown } from './errors.ts';
import { Metadata } from './imds.ts';
import { Locks } from './locks.ts';
import { Modifying } from './modify.ts';
import { attachmentLimit, type Node, Nodes } from './nodes.ts';
import type { Parts } from './parts.ts';
import { Records } from './records.ts';
import { sdkEc2 } from './sdk.ts';
import { copySnapshot, type FarSnapshot } from './snapshot-copy.ts';
import { Snapshots } from './snapshots.ts';
import { TAG } from './tags.ts';
import { attachmentsOf, idOf, View, type Volume } from './view.ts';
import { Volumes } from './volumes.ts';

type Spec = VolumeSpec<EbsParams>;
const UNDO_MS = 15_000;
const VISIBLE_MS = 15_000;

/** What a test puts in the place of the SDK, of time, and of this machine. */
export interface Outside {
  readonly ec2?: Ec2;
  readonly clock?: Clock;
  readonly sysBlock?: string;
  readonly pace?: Pace;
  readonly visibleMs?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Volumes of Amazon EBS. EC2's own attachment is the claim: a volume is attached to one instance only, and a takeover detaches it from the loser. */
export class EbsDriver implements StorageDriver<EbsParams> {
  readonly traits: Traits;
  readonly snapshots: SnapshotVerbs<EbsParams>;
  readonly #traits: { -readonly [K in keyof Traits]: Traits[K] };
  readonly #parts: Parts;
  readonly #metadata: Metadata;
  readonly #making: Making;
  readonly #records: Records;
  readonly #modifying: Modifying;
  readonly #snapshots: Snapshots;
  readonly #copying: Copying;
  #self = { node: '', boot: '', zone: '' };

  constructor(config: Partial<EbsConfig> = {}, outside: Outside = {}) {
    const c = withDefaults(config);
    const clock = outside.clock ?? realClock;
    this.#metadata = new Metadata(c, outside.env);
    const region = (): Promise<string> => this.#region(c, outside.env ?? process.env);
    const client = new Client(outside.ec2 ?? sdkEc2(c, region), clock, c.maxRetries);
    const view = new View(c);
    const pace = outside.pace ?? USUAL_PACE;
    this.#parts = {
      config: c,
      clock,
      client,
      view,
      volumes: new Volumes(client, view.names, pace),
      nodes: new Nodes(client, pace),
      pace,
      locks: new Locks(),
      waitMs: waitBound(c),
      firstLookMs: milliseconds(c.statusInitialDelay),
      visibleMs: outside.visibleMs ?? VISIBLE_MS,
      sysBlock: outside.sysBlock ?? '/sys/block',
      self: () => this.#self,
      lastWords: () => ({ signal: new AbortController().signal, deadline: clock.now() + UNDO_MS }),
    };
    this.#making = new Making(this.#parts);
    this.#records = new Records(this.#parts);
    this.#modifying = new Modifying(this.#parts);
    this.#snapshots = new Snapshots(this.#parts);
    this.#copying = new Copying(this.#parts, this.#making, this.#snapshots);
    this.#traits = {
      scope: 'global',
      multiWriter: c.multiAttach,
      fencing: 'detach',
      sizes: { min: bytes((c.multiAttach ? 4 : 1) * GIB), max: bytes(65_536 * GIB), step: bytes(GIB) },
      // Raw devices for several writers are never formatted: two kernels would destroy any of these file systems.
      ...(!c.multiAttach && { fsTypes: FS_TYPES }),
    };
    this.traits = this.#traits;
    this.snapshots = this.#snapshotVerbs();
  }

  async whoami(facts: NodeFacts, ctx: Ctx): Promise<string> {
    const { config, nodes } = this.#parts;
    const node = config.instanceID || (await this.#metadata.document(ctx.signal)).instanceId;
    this.#self = { node, boot: facts.bootId, zone: config.availabilityZone };
    const n = await nodes.get(node, ctx);
    const zone = config.availabilityZone || n.zone;
    if (zone === '') throw noZone(node);
    this.#self = { ...this.#self, zone };
    const type = await nodes.facts(n.type, ctx);
    // What is there already and not ours (the root volume) takes its place for good.
    this.#traits.maxAttachments = Math.max(1, attachmentLimit(type, n.interfaces) - (await this.#others(n, ctx)));
    return node;
  }

  /** Nothing but what the machine knows of itself: the metadata service here is this machine's. */
  async nodeOf(facts: NodeFacts, ctx: Ctx): Promise<string> {
    if (facts.instance === undefined)
      throw new VolumeError('invalid', `Machine ${facts.hostname} does not say which EC2 instance it is.`, {
        details: { path: 'remote.node', expected: 'an instance id' },
        hint: 'Write remote.node: i-… into the configuration of that machine.',
      });
    return (await this.#parts.nodes.get(facts.instance, ctx)).id;
  }

  async identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    const { config } = this.#parts;
    // Asked each time: that EC2 answers is part of what is said.
    const account = (await this.#parts.nodes.get(this.#self.node, ctx, { fresh: true })).account ?? 'unknown';
    const place = this.#self.zone.replace(/[a-z]$/, '') || config.region;
    const found = `aws:${account}:${place}`;
    if (o.expected === undefined || o.expected === found) return found;
    throw new VolumeError('unavailable', `These credentials lead to ${found}; this node used ${o.expected} before.`, {
      details: { expected: o.expected, found },
      hint: 'Nothing was changed. Check ebs.region and the credentials, or name the service otherwise for another account.',
    });
  }

  list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    const { view, volumes, config } = this.#parts;
    const limit = query.limit ?? 100;
    // One query on the server's side, whichever holds all that concerns us.
    const filter = view.names.prefixed
      ? { Name: `tag:${TAG.name}`, Values: [view.names.filterAll] }
      : view.usesLegacy
        ? { Name: 'tag-key', Values: [TAG.name] }
        : { Name: `tag:${TAG.cluster}`, Values: [config.clusterID] };
    return nextPage({
      limit,
      cursor: decodeCursor(query.cursor),
      sources: 1,
      ask: (_, token) => volumes.page([filter], { token, limit: Math.max(5, Math.min(500, limit)) }, ctx),
      key: idOf,
      show: (v) => view.volume(v),
    });
  }

  async get(id: string, ctx: Ctx): Promise<Volume> {
    const v = await this.#parts.volumes.get(id, ctx);
    if (v === undefined || v.State === 'deleting' || v.State === 'deleted') throw notFound('Volume', id);
    return this.#parts.view.volume(v);
  }

  async find(name: string, ctx: Ctx): Promise<Volume | undefined> {
    assertName(name);
    const v = await this.#making.find(name, ctx);
    return v === undefined ? undefined : this.#parts.view.volume(v);
  }

  async create(name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    ctx.signal.throwIfAborted();
    assertName(name);
    return this.#making.create(name, spec, ctx);
  }

  async remove(id: string, ctx: Ctx): Promise<void> {
    const { volumes, view, client } = this.#parts;
    const seen = await volumes.glance(id, ctx);
    const idle = seen.v !== undefined && attachmentsOf(seen.v).length === 0;
    const v = seen.fresh || idle ? seen.v : await volumes.get(id, ctx);
    if (v === undefined || v.State === 'deleting' || v.State === 'deleted') return;
    view.assertUsable(v);
    if (attachmentsOf(v).length > 0) throw inUse(this.#parts, v);
    volumes.forget(id);
    try {
      await client.mutate('DeleteVolume', { VolumeId: id }, ctx, { idempotent: true });
    } catch (e) {
      if (is(e, 'VolumeInUse')) throw inUse(this.#parts, (await volumes.get(id, ctx)) ?? v);
      if (isUnknown(e) || !is(e, 'InvalidVolume.NotFound')) throw e;
    }
    this.#making.removed(id);
  }

  attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    return attach(this.#parts, { id, node, o }, ctx);
  }

  detach(id: string, node: string, o: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    return detachFrom(this.#parts, { id, node, force: o.force }, ctx);
  }

  mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    return this.#records.mark(id, patch, o.ifRevision, ctx);
  }

  async expand(id: string, sizeBytes: Bytes, ctx: Ctx): Promise<Volume> {
    return this.#parts.view.volume(await this.#modifying.expand(id, sizeBytes, ctx));
  }

  async modify(
    id: string,
    change: { readonly params?: Partial<EbsParams>; readonly hints?: VolumeRecord['hints'] },
    ctx: Ctx,
  ): Promise<Volume> {
    const v = await this.#modifying.modify(id, change.params ?? {}, change.hints, ctx);
    if (change.hints === undefined) return this.#parts.view.volume(v);
    const { record } = this.#parts.view.volume(v);
    const hints = { ...record.hints, ...change.hints };
    return this.#records.mark(id, { hints }, record.revision, ctx);
  }

  async clone(id: string, name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    assertName(name);
    return this.#copying.clone(id, name, spec, ctx);
  }

  async adopt(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<Volume> {
    assertName(name);
    return adopt(this.#parts, this.#making, { id, name, record }, ctx);
  }

  sweep(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]> {
    return this.#copying.sweep(node, bootId, ctx);
  }

  /** Brings a snapshot of another region into this one, as a snapshot of ours. Not in the driver interface: for programs. */
  copySnapshot(source: FarSnapshot, name: string, ctx: Ctx): Promise<DriverSnapshot> {
    return copySnapshot(this.#parts, this.#snapshots, source, name, ctx);
  }

  /** Calls of each action since this driver was made, with those that EC2 refused for their rate. */
  counts(): Readonly<Record<Action, Readonly<ActionCount>>> {
    return this.#parts.client.counts();
  }

  async close(): Promise<void> {
    this.#parts.client.close();
  }

  #snapshotVerbs(): SnapshotVerbs<EbsParams> {
    return {
      list: (query, ctx) => this.#snapshots.page(query, ctx),
      create: (volumeId, name, o, ctx) => this.#snapshots.create(volumeId, name, o.consistency, ctx),
      remove: async (id, ctx) => {
        if ((await this.#snapshots.own(id, ctx)) !== undefined) await this.#snapshots.remove(id, ctx);
      },
      restore: async (id, name, spec, ctx) => {
        assertName(name);
        return this.#copying.restore(id, name, spec, ctx);
      },
    };
  }

  async #others(n: Node, p: Patience): Promise<number> {
    const found = await Promise.all([...n.devices.values()].map((id) => this.#parts.volumes.get(id, p)));
    return found.filter((v) => v === undefined || this.#parts.view.ownership(v) === 'foreign').length;
  }

  async #region(c: EbsConfig, env: Readonly<Record<string, string | undefined>>): Promise<string> {
    const written = c.region || env.AWS_REGION || env.AWS_DEFAULT_REGION;
    return written || (await this.#metadata.document(AbortSignal.timeout(5_000))).region;
  }
}

const noZone = (node: string): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `EC2 does not say in which availability zone instance ${node} is.`, {
    details: {},
    hint: 'Set ebs.availabilityZone.',
  });

export type EbsVolume = DriverVolume<EbsParams>;
