/** The integration: the name-level volume verbs that every front end, the SDK and the REST client share. Plain data in and out. */
import type { Size } from './bytes.ts';
import type { CallOptions, Page, Space } from './context.ts';
import type { Traits } from './driver.ts';
import type { LegacyFacet } from './legacy.ts';
import type { DataOwner, FsType, Hints } from './record.ts';
import type { StoragePlane } from './served.ts';

export interface Volume<P = unknown> {
  readonly name: string;
  readonly id: string;
  readonly service: string;
  readonly driver: string;
  /** Actual size in bytes; 0 = not limited. */
  readonly sizeBytes: number;
  /** RFC 3339 */
  readonly createdAt?: string;
  /** `mounted` here · `attached` here · `unavailable` attached to another node · `available` · `foreign` not ours until adopted */
  readonly state: 'available' | 'attached' | 'mounted' | 'unavailable' | 'foreign';
  readonly fsType?: FsType;
  /** Life of the file system (S1): `none` for shares and directories. */
  readonly format: 'blank' | 'formatting' | 'formatted' | 'none';
  readonly fsUuid?: string;
  readonly attachments: readonly {
    readonly node: string;
    readonly here: boolean;
    readonly epoch: number;
    readonly since?: string;
  }[];
  /** Present while mounted on this node: what a container gets, and the root of the file system. */
  readonly mountpoint?: string;
  readonly mountRoot?: string;
  readonly holders: readonly Holder[];
  readonly hints: Hints;
  readonly labels: Readonly<Record<string, string>>;
  readonly params: P;
  readonly readOnly: boolean;
  /** What a person should know: properties that were asked for and not applied, a grow that waits for the next mount. */
  readonly notes: readonly string[];
  /** The driver's own words (path, pool, provisioned bytes). */
  readonly status: Readonly<Record<string, unknown>>;
}

export interface Holder {
  /** `class:id` or a class alone: `engine:<id>`, `dvdcli`, `cli`, `csi:<path>`, `sdk:<id>` */
  readonly holder: string;
  readonly volume: string;
  readonly service: string;
  readonly count: number;
  readonly since: string;
  readonly pid?: number;
}

export interface Snapshot {
  readonly name: string;
  readonly id: string;
  readonly service: string;
  readonly volume: string;
  readonly sizeBytes: number;
  readonly createdAt?: string;
  readonly consistency: 'clean' | 'crash';
  readonly labels: Readonly<Record<string, string>>;
}

export interface NodeInfo {
  readonly node: string;
  readonly here: boolean;
  readonly hostname?: string;
  readonly volumes: readonly string[];
}

export interface CreateOptions<P = unknown> extends CallOptions {
  /** Default: the configured one, else 16 GiB; with `from`, the size of the source. */
  readonly size?: Size | undefined;
  readonly fsType?: FsType | undefined;
  readonly from?:
    | { readonly snapshot: string }
    | { readonly volume: string }
    | { readonly volumeId: string }
    | { readonly snapshotId: string }
    | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The driver's own per-volume options. */
  readonly params?: Partial<P> | undefined;
  /** Consent to format although there is no positive evidence that the new device is blank (S3). Never wipes twice. */
  readonly overwriteFs?: boolean | undefined;
  readonly hints?: Hints | undefined;
  /** Guarantee: a driver that cannot encrypt answers `unsupported`. */
  readonly encrypted?: boolean | undefined;
  readonly encryptionKey?: string | undefined;
  readonly owner?: DataOwner | undefined;
  readonly mkfs?: Readonly<Record<string, string>> | undefined;
  readonly mountOptions?: readonly string[] | undefined;
  readonly readOnly?: boolean | undefined;
}

export interface MountOptions extends CallOptions {
  /** Who needs the mount. The same holder may mount several times; each needs its unmount. */
  readonly holder: string;
  /** Take the volume from another node (S10). Default: the configured `mount.preempt`. */
  readonly preempt?: boolean | 'unsafe' | undefined;
  readonly readOnly?: boolean | undefined;
  readonly mountOptions?: readonly string[] | undefined;
  /** Sub-directory to return; default the configured `mount.rootPath` (`/data`). `/` = the file system's root. */
  readonly subdir?: string | undefined;
  /** Process that needs it, recorded with the holder. */
  readonly pid?: number | undefined;
}

export interface Mount {
  readonly volume: string;
  readonly service: string;
  /** What the consumer uses: mount root plus sub-directory. Absolute, and exists. */
  readonly path: string;
  readonly root: string;
  readonly device: string;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly holders: readonly string[];
  readonly notes: readonly string[];
}

export interface ListOptions extends CallOptions {
  readonly prefix?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** One of these names. */
  readonly names?: readonly string[] | undefined;
  /** In one of these states, as this node sees them. */
  readonly states?: readonly Volume['state'][] | undefined;
  /** Attached to this node. */
  readonly node?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ExpandResult<P = unknown> {
  readonly volume: Volume<P>;
  /** `grown` now · `next-mount` when it is mounted next, `why` says why · `none` there is no file system yet or it had the size already */
  readonly fileSystem: 'grown' | 'next-mount' | 'none';
  readonly why?: string;
}

/** Verbs that change something; `plan` knows each of them. */
export const PLANNED = [
  'create',
  'clone',
  'expand',
  'modify',
  'remove',
  'adopt',
  'format',
  'attach',
  'detach',
  'mount',
  'unmount',
  'snapshots.create',
  'snapshots.remove',
  'snapshots.restore',
  'holders.release',
] as const;
export type PlannedOp = (typeof PLANNED)[number];

/** Every verb of the integration: the closed list that layers wrap. */
export const OPS = [
  'list',
  'get',
  'capacity',
  ...PLANNED,
  'snapshots.list',
  'holders.list',
  'nodes.list',
  'plan',
] as const;
export type Op = (typeof OPS)[number];

export interface PlanStep {
  /** Name in the trace of a real run. */
  readonly step: string;
  readonly does: string;
  /** Whether it happens is known only when it is reached (a repair, a grow). */
  readonly maybe?: boolean;
}

export interface Plan {
  readonly op: PlannedOp;
  readonly volume: string;
  readonly service: string;
  readonly steps: readonly PlanStep[];
  /** Why it would fail, as the errors that it would throw. Empty: nothing known forbids it. */
  readonly forbidden: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
  /** Nothing would be done and the answer would be success. */
  readonly noop: boolean;
  readonly notes: readonly string[];
}

export interface Integration<P = unknown> {
  readonly service: string;
  readonly driver: string;
  readonly traits: Traits;
  /** Verbs that this service has. */
  readonly can: Readonly<Record<Op, boolean>>;
  /** JSON Schema of the driver's per-volume options: front ends convert text options by it. Absent where it is not known (a server of another version). */
  readonly paramsSchema?: Readonly<Record<string, unknown>>;
  /** The layer below, for agents. Absent where this is itself reached over a wire. */
  readonly storage?: StoragePlane;
  /** What clients of libStorage v1 are told of this kind of storage; absent where the driver has nothing to say, or over a wire. */
  readonly legacy?: LegacyFacet;

  list(o?: ListOptions): Promise<Page<Volume<P>>>;
  /** @throws `not_found` with near names */
  get(name: string, o?: CallOptions): Promise<Volume<P>>;
  /** Idempotent: an existing volume is returned unchanged, differences as `notes`; only a larger asked size than the actual one is `already_exists` (S3). */
  create(name: string, o?: CreateOptions<P>): Promise<Volume<P>>;
  clone(from: string, to: string, o?: Omit<CreateOptions<P>, 'from' | 'overwriteFs'>): Promise<Volume<P>>;
  /** Absolute size; never shrinks (S17). */
  expand(name: string, o: { readonly size: Size } & CallOptions): Promise<ExpandResult<P>>;
  modify(
    name: string,
    o: {
      readonly params?: Partial<P>;
      readonly hints?: Hints;
      readonly labels?: Readonly<Record<string, string>>;
    } & CallOptions,
  ): Promise<Volume<P>>;
  /** Absent = ok. @throws `in_use` naming the holders, `denied` naming the key where removal is disabled */
  remove(name: string, o?: { readonly force?: boolean | undefined } & CallOptions): Promise<void>;
  /** Make a volume that the storage has and we do not know ours, under a name. Reads only. */
  adopt(id: string, name: string, o?: CallOptions): Promise<Volume<P>>;
  /** Wipe: compare-and-swap on the present UUID (S3). A person's verb. */
  format(
    name: string,
    o: { readonly wipe: string; readonly fsType?: FsType | undefined } & CallOptions,
  ): Promise<Volume<P>>;
  attach(
    name: string,
    o?: { readonly preempt?: boolean | 'unsafe' | undefined; readonly readOnly?: boolean | undefined } & CallOptions,
  ): Promise<Volume<P>>;
  detach(name: string, o?: { readonly force?: boolean | undefined } & CallOptions): Promise<Volume<P>>;
  mount(name: string, o: MountOptions): Promise<Mount>;
  /** Gives back one mount of this holder; the last one really unmounts and detaches. Not mounted = ok. `all`: every count of this holder; `once`: one, whatever `unmount.ignoreUsedCount` says (a mount whose caller never heard of it is taken back). */
  unmount(
    name: string,
    o: {
      readonly holder: string;
      readonly all?: boolean | undefined;
      readonly once?: boolean | undefined;
    } & CallOptions,
  ): Promise<void>;
  capacity(o?: CallOptions): Promise<Space>;
  readonly snapshots: {
    list(
      o?: {
        readonly volume?: string | undefined;
        readonly limit?: number | undefined;
        readonly cursor?: string | undefined;
      } & CallOptions,
    ): Promise<Page<Snapshot>>;
    create(
      volume: string,
      name: string,
      o?: { readonly freeze?: boolean | undefined } & CallOptions,
    ): Promise<Snapshot>;
    remove(name: string, o?: CallOptions): Promise<void>;
    /** Always a new volume. */
    restore(name: string, volume: string, o?: Omit<CreateOptions<P>, 'from' | 'overwriteFs'>): Promise<Volume<P>>;
  };
  readonly holders: {
    list(o?: { readonly volume?: string | undefined } & CallOptions): Promise<readonly Holder[]>;
    /**
     * Drop a leaked holder, whatever its count; unmounts when it was the last (S18 leaves that to a person).
     * `idle`: only if nothing but our own mount has the volume, in any mount namespace (`check` drops nothing).
     * `count`: only if it still has this count. @throws `in_use` with pids (idle), `busy` (count)
     */
    release(
      volume: string,
      holder: string,
      o?: { readonly idle?: 'check' | 'drop' | undefined; readonly count?: number | undefined } & CallOptions,
    ): Promise<void>;
  };
  readonly nodes: { list(o?: CallOptions): Promise<readonly NodeInfo[]> };
  /** What a verb would do, step by step, and what forbids it. Changes nothing. */
  plan(op: PlannedOp, name: string, o?: Readonly<Record<string, unknown>>): Promise<Plan>;
}
