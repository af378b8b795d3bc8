import {
  type Attachment,
  type AttachOptions,
  type Ctx,
  type DriverVolume,
  FS_TYPES,
  isVolumeError,
  type NodeFacts,
  type Ownership,
  type Page,
  type RecordPatch,
  type SnapshotVerbs,
  type Space,
  type StorageAbout,
  type StorageDriver,
  type StorageOp,
  type Traits,
  type VolumeRecord,
  type VolumeSpec,
} from '@rexray/core';
import * as believe from './believe.ts';
import type { RemoteConfig, RemoteParams } from './config.ts';
import { Outcome, Server } from './server.ts';

type Volume = DriverVolume<RemoteParams>;
type Spec = VolumeSpec<RemoteParams>;
type Verb<K extends keyof StorageDriver> = NonNullable<StorageDriver<RemoteParams>[K]>;

type Ask = <T = never>(op: StorageOp, fields: Readonly<Record<string, unknown>>, ctx: Ctx) => Promise<T>;

/** Until the server has said more. */
const UNKNOWN: Traits = {
  scope: 'global',
  multiWriter: false,
  fencing: 'none',
  fsTypes: FS_TYPES,
  remote: true,
  provisional: true,
};

/**
 * The storage of a server's service. The server holds the credentials and attaches; this node connects, formats and mounts.
 * Optional verbs are there once `whoami` has said that the server has them.
 */
export class RemoteDriver implements StorageDriver<RemoteParams> {
  readonly #config: RemoteConfig;
  readonly #server: Server;
  #about: StorageAbout | undefined;
  find?: Verb<'find'>;
  expand?: Verb<'expand'>;
  modify?: Verb<'modify'>;
  capacity?: Verb<'capacity'>;
  clone?: Verb<'clone'>;
  adopt?: Verb<'adopt'>;
  owner?: Verb<'owner'>;
  requestRelease?: Verb<'requestRelease'>;
  sweep?: Verb<'sweep'>;
  snapshots?: SnapshotVerbs<RemoteParams>;

  constructor(config: RemoteConfig) {
    this.#config = config;
    this.#server = new Server(config);
  }

  get traits(): Traits {
    return this.#about === undefined
      ? UNKNOWN
      : { ...this.#about.traits, blocking: false, remote: true, provisional: false };
  }
  get paramsSchema(): Readonly<Record<string, unknown>> | undefined {
    return this.#about?.paramsSchema;
  }

  async whoami(facts: NodeFacts, ctx: Ctx): Promise<string> {
    const { nodeId, hostname, bootId, macs } = facts;
    const instance = this.#config.node ?? facts.instance;
    const own = { nodeId, hostname, bootId, macs, ...(instance !== undefined && { instance }) };
    const about = believe.about(await this.#ask('whoami', own, ctx));
    this.#about = about;
    this.#server.node = about.node;
    this.#have(about.verbs);
    return about.node;
  }

  /** Presence is the capability: the verbs that the server has, and no others. */
  #have(verbs: readonly StorageOp[]): void {
    const all = this.#optional();
    for (const op of Object.keys(all) as (keyof typeof all)[]) {
      if (verbs.includes(op === 'snapshots' ? 'snapshots.list' : op)) Object.assign(this, { [op]: all[op] });
      else delete this[op];
    }
  }

  #optional() {
    const ask: Ask = (op, fields, ctx) => this.#ask(op, fields, ctx);
    return {
      find: async (name, ctx) => believe.found(await ask('find', { name }, ctx)),
      expand: async (id, sizeBytes, ctx) => believe.volume(await ask('expand', { id, sizeBytes }, ctx)),
      modify: async (id, change, ctx) => believe.volume(await ask('modify', { id, change }, ctx)),
      capacity: (ctx) => ask<Space>('capacity', {}, ctx),
      clone: async (id, name, spec, ctx) => believe.volume(await ask('clone', { id, name, spec }, ctx)),
      adopt: async (id, name, record, ctx) => believe.volume(await ask('adopt', { id, name, record }, ctx)),
      owner: (id, node, ctx) => ask<Ownership>('owner', { id, node }, ctx),
      requestRelease: (id, node, ctx) => ask<void>('requestRelease', { id, node }, ctx),
      sweep: async (node, bootId, ctx) =>
        (await ask<{ items: readonly string[] }>('sweep', { node, bootId }, ctx)).items,
      snapshots: snapshotVerbs(ask),
    } satisfies Partial<StorageDriver<RemoteParams>>;
  }

  /** From here on the server does nothing over another place. */
  async identity(o: { readonly expected?: string }, ctx: Ctx): Promise<string> {
    const { identity } = await this.#ask<{ identity: string }>('identity', o, ctx);
    this.#server.place = o.expected ?? identity;
    return identity;
  }

  async list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<Volume>> {
    return believe.volumes(await this.#ask('list', query, ctx));
  }

  async get(id: string, ctx: Ctx): Promise<Volume> {
    return believe.volume(await this.#ask('get', { id }, ctx));
  }

  async create(name: string, spec: Spec, ctx: Ctx): Promise<Volume> {
    return believe.volume(await this.#ask('create', { name, spec }, ctx));
  }

  remove(id: string, ctx: Ctx): Promise<void> {
    return this.#ask('remove', { id }, ctx);
  }

  async attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment> {
    const { force, readonly, bootId } = o;
    return believe.attachment(await this.#ask('attach', { id, node, force, readonly, bootId }, ctx));
  }

  detach(id: string, node: string, o: { readonly force: boolean }, ctx: Ctx): Promise<void> {
    return this.#ask('detach', { id, node, force: o.force }, ctx);
  }

  /** Of a mark whose answer was lost, a stale revision may be its own doing: then what it wished is there (S13). */
  async mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<Volume> {
    try {
      return believe.volume(await this.#server.call('mark', { id, patch, ifRevision: o.ifRevision }, ctx));
    } catch (e) {
      if (!(e instanceof Outcome)) throw e;
      if (!isVolumeError(e.said, 'busy')) throw e.said;
      const now = await this.get(id, ctx);
      if (!holds(now.record, patch)) throw e.said;
      return now;
    }
  }

  async close(): Promise<void> {
    this.#server.close();
  }

  async #ask<T = never>(op: StorageOp, fields: Readonly<Record<string, unknown>>, ctx: Ctx): Promise<T> {
    try {
      return await this.#server.call<T>(op, fields, ctx);
    } catch (e) {
      throw e instanceof Outcome ? e.said : e;
    }
  }
}

const snapshotVerbs = (ask: Ask): SnapshotVerbs<RemoteParams> => ({
  list: async (query, ctx) => believe.snapshots(await ask('snapshots.list', query, ctx)),
  create: async (id, name, o, ctx) =>
    believe.snapshot(await ask('snapshots.create', { id, name, consistency: o.consistency }, ctx)),
  remove: (snapshotId, ctx) => ask('snapshots.remove', { snapshotId }, ctx),
  restore: async (snapshotId, name, spec, ctx) =>
    believe.volume(await ask('snapshots.restore', { snapshotId, name, spec }, ctx)),
});

/** Whether a record is what a patch wished, field by field. */
function holds(record: VolumeRecord, patch: RecordPatch): boolean {
  const has = record as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(patch).every(([k, v]) => same(has[k], v));
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const defined = (x: object): [string, unknown][] => Object.entries(x).filter(([, v]) => v !== undefined);
  const [left, right] = [defined(a), new Map(defined(b))];
  return left.length === right.size && left.every(([k, v]) => right.has(k) && same(v, right.get(k)));
}
