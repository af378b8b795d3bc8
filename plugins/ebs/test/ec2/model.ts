/**
 * An EC2 of our own, for what the emulator of others gets wrong: states that take time, VolumeInUse, zones, ClientToken,
 * paging, IncorrectState, token buckets, replies that are lost, resources that are not visible yet. Written from the EC2 API
 * Reference; it is not Amazon's, and shows only that the driver fits what that reference says.
 */
import type { Rate } from '../../src/buckets.ts';
import type { Clock } from '../../src/clock.ts';
import type { Action, Input, Output } from '../../src/ec2.ts';
import { describeInstances, describeInstanceTypes } from './model-instances.ts';
import { describeModifications, modifyVolume } from './model-modify.ts';
import { copySnapshot, createSnapshot, deleteSnapshot, describeSnapshots } from './model-snapshots.ts';
import { createTags, deleteTags } from './model-tags.ts';
import { attachVolume, createVolume, deleteVolume, describeVolumes, detachVolume } from './model-volumes.ts';

/** What EC2 answers instead of a result; the SDK makes errors of the same shape. */
export class Ec2Error extends Error {
  readonly code: string;
  readonly status: number;
  readonly $metadata: { httpStatusCode: number };
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.$metadata = { httpStatusCode: status };
  }
}

export interface ModelAttachment {
  instance: string;
  device: string;
  state: 'attaching' | 'attached' | 'detaching' | 'busy';
  /** When the present state ends. */
  until: number;
  since: Date;
}
export interface TagHistory {
  at: number;
  tags: Map<string, string>;
}
export interface ModelVolume {
  id: string;
  size: number;
  type: string;
  iops: number | undefined;
  throughput: number | undefined;
  zone: string;
  encrypted: boolean;
  kmsKey: string | undefined;
  snapshot: string | undefined;
  multiAttach: boolean;
  state: 'creating' | 'available' | 'in-use' | 'deleting' | 'error';
  until: number;
  visibleAt: number;
  created: Date;
  attachments: ModelAttachment[];
  tags: TagHistory[];
  modification?: {
    state: 'modifying' | 'optimizing' | 'completed';
    until: number;
    at: Date;
    visibleAt: number;
    size: number;
    ended: number;
  };
  /** What its user wrote, for tests of copies. */
  content?: string;
}
export interface ModelSnapshot {
  id: string;
  volume: string;
  size: number;
  encrypted: boolean;
  state: 'pending' | 'completed' | 'error';
  until: number;
  visibleAt: number;
  started: Date;
  tags: TagHistory[];
  content?: string | undefined;
}
export interface ModelInstance {
  id: string;
  zone: string;
  type: string;
  state: 'running' | 'stopped' | 'terminated';
  interfaces: number;
  root: { device: string; volume: string };
  /** Volumes whose devices it holds open: detaching them without force stays busy. */
  holds: Set<string>;
}

export interface ModelOptions {
  readonly clock: Clock;
  /** Changes take from half to one and a half times as long as `takes` says. */
  readonly jitter?: boolean;
  /** How long each change of state takes, ms. */
  readonly takes?: Partial<
    Record<'create' | 'delete' | 'attach' | 'detach' | 'snapshot' | 'modify' | 'optimize', number>
  >;
  /** New resources and changed tags are shown to readers after this, ms. */
  readonly visibleAfterMs?: number;
  /** Token buckets to enforce, such as AWS's default ones. */
  readonly buckets?: Readonly<Record<Action, Rate>>;
  /** Attachments that an instance can have, the root volume among them. */
  readonly attachments?: number;
}

/** What the three actions with a smaller bucket for unfiltered, unpaged questions have for all others. */
const FILTERED: Rate = { capacity: 100, perSecond: 20 };
const TAKES = { create: 0, delete: 0, attach: 0, detach: 0, snapshot: 0, modify: 0, optimize: 0 };
const HANDLERS: { readonly [A in Action]: (m: Ec2Model, input: Input<A>) => Output<A> } = {
  AttachVolume: attachVolume,
  CopySnapshot: copySnapshot,
  CreateSnapshot: createSnapshot,
  CreateTags: createTags,
  CreateVolume: createVolume,
  DeleteSnapshot: deleteSnapshot,
  DeleteTags: deleteTags,
  DeleteVolume: deleteVolume,
  DescribeInstanceTypes: describeInstanceTypes,
  DescribeInstances: describeInstances,
  DescribeSnapshots: describeSnapshots,
  DescribeVolumes: describeVolumes,
  DescribeVolumesModifications: describeModifications,
  DetachVolume: detachVolume,
  ModifyVolume: modifyVolume,
};
export const ZONES = ['us-east-1a', 'us-east-1b'];
export const ACCOUNT = '123456789012';

export class Ec2Model {
  readonly clock: Clock;
  readonly #takes: Record<keyof typeof TAKES, number>;
  readonly #jitter: boolean;
  readonly visibleAfterMs: number;
  readonly attachments: number;
  readonly volumes = new Map<string, ModelVolume>();
  readonly snapshots = new Map<string, ModelSnapshot>();
  readonly instances = new Map<string, ModelInstance>();
  readonly tokens = new Map<string, { print: string; id: string }>();
  /** Calls that arrived, by action, and those refused for their rate. */
  readonly calls: Record<string, number> = {};
  readonly throttled: Record<string, number> = {};
  readonly #buckets: ModelOptions['buckets'];
  readonly #tokensLeft = new Map<string, { tokens: number; at: number }>();
  #ids = 0;

  constructor(o: ModelOptions) {
    this.clock = o.clock;
    this.#takes = { ...TAKES, ...o.takes };
    this.#jitter = o.jitter === true;
    this.visibleAfterMs = o.visibleAfterMs ?? 0;
    this.attachments = o.attachments ?? 28;
    this.#buckets = o.buckets;
  }

  id(kind: 'vol' | 'snap' | 'i'): string {
    this.#ids += 1;
    return `${kind}-0${this.#ids.toString(16).padStart(16, '0')}`;
  }

  /** When a change that begins now ends. */
  ends(change: keyof typeof TAKES): number {
    const factor = this.#jitter ? 0.5 + this.clock.random() : 1;
    return this.clock.now() + this.#takes[change] * factor;
  }

  addInstance(zone = 'us-east-1a', type = 'm5.large'): ModelInstance {
    const id = this.id('i');
    const root = { device: '/dev/xvda', volume: this.id('vol') };
    const instance: ModelInstance = { id, zone, type, state: 'running', interfaces: 1, root, holds: new Set() };
    this.instances.set(id, instance);
    return instance;
  }

  /** One call, done at once. @throws Ec2Error */
  handle<A extends Action>(action: A, input: Input<A>): Output<A> {
    this.calls[action] = (this.calls[action] ?? 0) + 1;
    this.#spend(action, input);
    this.advance();
    return HANDLERS[action](this, input);
  }

  describes(): number {
    return Object.entries(this.calls).reduce((n, [a, c]) => n + (a.startsWith('Describe') ? c : 0), 0);
  }

  /** States whose time is over change. */
  advance(): void {
    const now = this.clock.now();
    for (const v of this.volumes.values()) advanceVolume(this, v, now);
    for (const s of this.snapshots.values()) if (s.state === 'pending' && now >= s.until) s.state = 'completed';
  }

  #spend(action: Action, input: Input<Action>): void {
    if (this.#buckets === undefined) return;
    const filtered = action.startsWith('Describe') && ('Filters' in input || 'MaxResults' in input);
    const rate = filtered ? FILTERED : this.#buckets[action];
    const key = filtered ? `${action}, filtered` : action;
    const now = this.clock.now();
    const b = this.#tokensLeft.get(key) ?? { tokens: rate.capacity, at: now };
    b.tokens = Math.min(rate.capacity, b.tokens + ((now - b.at) / 1000) * rate.perSecond);
    b.at = now;
    this.#tokensLeft.set(key, b);
    if (b.tokens < 1) {
      this.throttled[action] = (this.throttled[action] ?? 0) + 1;
      throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);
    }
    b.tokens -= 1;
  }
}

function advanceVolume(m: Ec2Model, v: ModelVolume, now: number): void {
  if (v.state === 'creating' && now >= v.until) v.state = 'available';
  if (v.state === 'deleting' && now >= v.until) m.volumes.delete(v.id);
  for (const a of v.attachments) if (a.state === 'attaching' && now >= a.until) a.state = 'attached';
  v.attachments = v.attachments.filter((a) => a.state !== 'detaching' || now < a.until);
  if (v.state === 'in-use' && v.attachments.length === 0) v.state = 'available';
  const mod = v.modification;
  if (mod?.state === 'modifying' && now >= mod.until) {
    v.size = mod.size;
    mod.state = 'optimizing';
  }
  if (mod?.state === 'optimizing' && now >= mod.ended) mod.state = 'completed';
}
