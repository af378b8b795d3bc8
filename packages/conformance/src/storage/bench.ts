import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  type Attachment,
  type AttachOptions,
  type Bytes,
  bytes,
  type Code,
  type Ctx,
  type DriverVolume,
  emptyRecord,
  type FormatState,
  type InitialRecord,
  type NodeFacts,
  type StorageDriver,
  type VolumeSpec,
} from '@rexray/core';
import { codeOf, rejects, type Settled, settle } from '../outcome.ts';
import { premise, skip } from '../runner.ts';
import type { StorageConformanceOptions, StorageNode, StorageWorld } from './world.ts';

/** A node that has said who it is. */
export interface Seat<P> {
  readonly driver: StorageDriver<P>;
  readonly node: string;
  readonly facts: NodeFacts;
}

/** What every rule works with: the driver, shorthands for its calls, and words for what does not apply. */
export class StorageBench<P> implements Seat<P> {
  readonly world: StorageWorld<P>;
  readonly driver: StorageDriver<P>;
  readonly node: string;
  readonly facts: NodeFacts;
  readonly o: StorageConformanceOptions<P>;
  #names = 0;

  private constructor(world: StorageWorld<P>, o: StorageConformanceOptions<P>, seat: Seat<P>) {
    this.world = world;
    this.o = o;
    this.driver = seat.driver;
    this.node = seat.node;
    this.facts = seat.facts;
  }

  static async on<P>(world: StorageWorld<P>, o: StorageConformanceOptions<P>): Promise<StorageBench<P>> {
    return new StorageBench(world, o, await sit(world, o));
  }

  ctx(signal?: AbortSignal): Ctx {
    return contextOf(this.o.deadlineMs, signal);
  }

  /** Goes on only where this verb is there. */
  verb<K extends keyof StorageDriver<P>>(name: K): NonNullable<StorageDriver<P>[K]> {
    const v = this.driver[name];
    if (v === undefined) skip(`the driver has no ${String(name)}`);
    return (typeof v === 'function' ? v.bind(this.driver) : v) as NonNullable<StorageDriver<P>[K]>;
  }

  hook<K extends 'content' | 'foreign' | 'halfMade' | 'lose'>(name: K): NonNullable<StorageWorld<P>[K]> {
    const h = this.world[name];
    if (h === undefined) skip(`the test gives no ${name}()`);
    return (typeof h === 'function' ? h.bind(this.world) : h) as NonNullable<StorageWorld<P>[K]>;
  }

  /** Another node on the same storage. */
  async another(): Promise<Seat<P>> {
    if (this.driver.traits.scope === 'local') skip('the volumes are this node’s alone (scope local)');
    assert.ok(this.world.another, 'traits.scope is global, so the test must give another()');
    return sit(await this.world.another(), this.o);
  }

  /** Two nodes of which only one at a time may have a volume. */
  async rival(): Promise<Seat<P>> {
    if (this.driver.traits.multiWriter) skip('several nodes may write (multiWriter)');
    return this.another();
  }

  async reopened(): Promise<Seat<P>> {
    if (this.driver.traits.durable === false) skip('volumes do not outlive the process (durable false)');
    assert.ok(this.world.reopen, 'volumes are durable, so the test must give reopen()');
    return sit(await this.world.reopen(), this.o);
  }

  /** A name that no other volume has. */
  name(hint = 'vol'): string {
    this.#names += 1;
    return `${hint}-${this.#names}-${randomUUID().slice(0, 8)}`;
  }

  /** In bytes, within the traits; `factor` 2 is a volume twice as large. */
  size(factor = 1): Bytes {
    const { min = 0, step = 1 } = this.driver.traits.sizes ?? {};
    const one = this.o.sizeBytes ?? Math.max(min, 64 * 2 ** 20);
    return bytes(Math.ceil((one * factor) / step) * step);
  }

  /** Goes on only where sizes are enforced. */
  sized(): void {
    if (this.driver.traits.sizes === undefined) skip('sizes are not enforced (no traits.sizes)');
  }

  /** Goes on only where volumes are formatted. */
  formatted(): NonNullable<FormatState & { state: 'blank' }> {
    const fsType = this.driver.traits.fsTypes?.[0];
    if (fsType === undefined) skip('volumes are never formatted (no traits.fsTypes)');
    return { state: 'blank', fsType };
  }

  record(more: Partial<InitialRecord> = {}): InitialRecord {
    const fsType = this.driver.traits.fsTypes?.[0];
    return { ...emptyRecord(fsType === undefined ? { state: 'none' } : { state: 'blank', fsType }), ...more };
  }

  spec(more: Partial<VolumeSpec<P>> = {}): VolumeSpec<P> {
    return {
      sizeBytes: this.size(),
      record: this.record(),
      params: this.o.params ?? ({} as P),
      asked: ['size'],
      ...more,
    };
  }

  make(name = this.name(), more: Partial<VolumeSpec<P>> = {}): Promise<DriverVolume<P>> {
    return this.driver.create(name, this.spec(more), this.ctx());
  }

  get(id: string, seat: Seat<P> = this): Promise<DriverVolume<P>> {
    return seat.driver.get(id, this.ctx());
  }

  attach(id: string, seat: Seat<P> = this, o: Partial<AttachOptions> = {}): Promise<Attachment> {
    const options = { force: false, readonly: false, bootId: seat.facts.bootId, ...o };
    return seat.driver.attach(id, seat.node, options, this.ctx());
  }

  detach(id: string, seat: Seat<P> = this, force = false): Promise<void> {
    return seat.driver.detach(id, seat.node, { force }, this.ctx());
  }

  /** Attaches, and goes on only where that is shown: for rules that look at it afterwards. */
  async hold(id: string, seat: Seat<P> = this): Promise<void> {
    await this.attach(id, seat);
    premise((await this.nodes(id)).includes(seat.node), 'storage/attach-shown');
  }

  /** Gives a volume back, and goes on only where that is so: for rules that do something with it afterwards. */
  async free(id: string, seat: Seat<P> = this): Promise<void> {
    await this.detach(id, seat);
    premise((await this.nodes(id)).length === 0, 'storage/detach');
  }

  /** Nodes that have a volume attached, sorted. */
  async nodes(id: string): Promise<readonly string[]> {
    return (await this.get(id)).attachments.map((a) => a.node).sort();
  }

  /** Every volume, page by page; bounded, so that a cursor that never ends is found. */
  async all(o: { limit?: number; seat?: Seat<P> } = {}): Promise<readonly DriverVolume<P>[]> {
    const found: DriverVolume<P>[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 200; page++) {
      const query = { ...(cursor !== undefined && { cursor }), ...(o.limit !== undefined && { limit: o.limit }) };
      const p = await (o.seat ?? this).driver.list(query, this.ctx());
      found.push(...p.items);
      if (p.next === undefined) return found;
      cursor = p.next;
    }
    return assert.fail('list did not end within 200 pages');
  }

  /** Volumes of ours that have this name. */
  async named(name: string): Promise<readonly DriverVolume<P>[]> {
    return (await this.all()).filter((v) => v.name === name && v.foreign !== true);
  }

  settle<T>(p: Promise<T>): Promise<Settled<T>> {
    return settle(p);
  }

  code(e: unknown): Code | undefined {
    return codeOf(e, this.o.classify);
  }

  rejects(what: string, p: Promise<unknown>, ...codes: Code[]): Promise<unknown> {
    return rejects(what, p, codes, this.o.classify);
  }
}

export function contextOf(deadlineMs = 30_000, signal?: AbortSignal): Ctx {
  const late = AbortSignal.timeout(deadlineMs);
  return {
    signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    deadline: performance.now() + deadlineMs,
    requestId: randomUUID(),
    progress: () => undefined,
  };
}

async function sit<P>(n: StorageNode<P>, o: StorageConformanceOptions<P>): Promise<Seat<P>> {
  const id = randomUUID();
  const facts: NodeFacts = {
    nodeId: id,
    hostname: `host-${id.slice(0, 8)}`,
    bootId: randomUUID(),
    macs: [],
    ...n.facts,
  };
  return { driver: n.driver, facts, node: await n.driver.whoami(facts, contextOf(o.deadlineMs)) };
}
