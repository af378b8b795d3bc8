/**
 * The storage driver interface: what a plugin of kind `storage` implements.
 *
 * A driver says where the bytes are. It never formats, mounts or opens a device: it *describes* in an {@link Attachment}
 * how a node reaches the volume, and the host does the rest. Volumes are addressed by the driver's own `id`; only the
 * integration maps names to ids. Verbs throw raw errors; the plugin's `classify(error)` turns them into codes, and one
 * layer wraps them once. The presence of an optional method *is* the capability: nothing is declared twice.
 */
import type { Bytes } from './bytes.ts';
import type { Ctx, Page, Space } from './context.ts';
import type { FsType, InitialRecord, RecordPatch, VolumeRecord } from './record.ts';

/** Facts about a backend that no method can express. Constant once `whoami` has returned, as is which optional verbs there are. */
export interface Traits {
  /** `global`: other nodes reach the same volumes; `local`: they are this node's alone. */
  readonly scope: 'local' | 'global';
  /** Several nodes may have a volume attached for writing at once (shares, directories on a network file system). */
  readonly multiWriter: boolean;
  /**
   * What taking a volume over does to its last owner (S10): `detach` the disk is gone from it; `switch` it is left on an
   * orphaned copy; `none` nothing — then a takeover needs proof that the old node is dead.
   */
  readonly fencing: 'detach' | 'switch' | 'none';
  /** Absent: sizes are recorded but not enforced (plain directories). In bytes; a size is rounded up to `step`. */
  readonly sizes?: { readonly min: Bytes; readonly max?: Bytes; readonly step?: Bytes };
  /** Volumes that one node can have attached; absent = no known limit. */
  readonly maxAttachments?: number;
  /** Absent: never formatted (shares and directories). First = the driver's own default. */
  readonly fsTypes?: readonly FsType[];
  /** Verbs touch file systems that may hang (a network directory): a daemon then calls the driver in a worker process (S15). */
  readonly blocking?: boolean;
  /** Volumes outlive the process and other processes see the same ones; `false` for the memory driver. Default true. */
  readonly durable?: boolean;
  /** A server answers, with its own credentials: what it says is believed only as far as S22 goes (nothing is formatted on its word). */
  readonly remote?: boolean;
  /** What stands here and which verbs there are is not known yet: the storage has not been asked. Asked again later, it is. */
  readonly provisional?: boolean;
}

/** What the host knows about itself; enough for most platforms to find out which node they are on. */
export interface NodeFacts {
  /** This node's uuid (S8), made once in the state directory, or `rexray.node.id`. */
  readonly nodeId: string;
  readonly hostname: string;
  /** Changes with every boot (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string;
  /** Hardware addresses of the non-loopback interfaces, lower case with colons. */
  readonly macs: readonly string[];
  /** What the platform calls this machine (an EC2 instance id), where its firmware or an operator says so. */
  readonly instance?: string;
}

/**
 * How a node reaches a volume: data, not a deed. `match` fields that are present must all fit one whole disk. `elsewhere`: a
 * server wrote it, so that files and directories count only below directories that this node allows (S22).
 */
export type Attachment = (
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly readonly?: boolean;
      readonly inode?: { readonly dev: string; readonly ino: string };
    }
  | {
      readonly kind: 'disk';
      readonly match: DiskMatch;
      readonly readonly?: boolean;
      /** Where the node looks, if not in the usual places: names of disks, and the SCSI hosts that are asked for new ones. */
      readonly look?: { readonly byIdDir?: string; readonly scsiHostDir?: string };
    }
  | {
      readonly kind: 'share';
      readonly fsType: string;
      readonly source: string;
      readonly options: readonly string[];
      readonly readonly?: boolean;
    }
  | { readonly kind: 'dir'; readonly path: string; readonly readonly?: boolean }
) & { readonly elsewhere?: true };

export interface DiskMatch {
  readonly serial?: string;
  readonly wwn?: string;
  /** Name below `/dev/disk/by-id`. */
  readonly byId?: string;
  readonly path?: string;
  readonly sizeBytes?: number;
}

/** One node that has a volume attached, as the platform or the claim says. */
export interface NodeAttachment {
  readonly node: string;
  /** Boot of that node when it attached (S8: the same node after a reboot re-claims without preempting). */
  readonly bootId?: string;
  /** Grows with each change of owner; 0 where the platform's own attachment is the claim. */
  readonly epoch: number;
  /** RFC 3339; for people, never for decisions. */
  readonly since?: string;
  readonly readonly?: boolean;
}

export interface DriverVolume<P = unknown> {
  /** The driver's own key, unique for ever: a volume made again under the same name has another id (S13). */
  readonly id: string;
  readonly name: string;
  /** Actual size; 0 = not limited (directories). */
  readonly sizeBytes: Bytes;
  /** RFC 3339, absent where unknown. */
  readonly createdAt?: string;
  readonly attachments: readonly NodeAttachment[];
  readonly record: VolumeRecord;
  readonly params: P;
  /** Found in the storage but not made by us (a bare image without record): shown, never touched until adopted. */
  readonly foreign?: boolean;
  /** What else a person may want to see (path, pool, provisioned bytes): plain data, no secrets. */
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface DriverSnapshot {
  readonly id: string;
  readonly name: string;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly sizeBytes: Bytes;
  readonly createdAt?: string;
  /** The record of the volume when the snapshot was taken; what a restored volume starts from. */
  readonly record: VolumeRecord;
  /** `clean`: unmounted or frozen; `crash`: like after a power cut. */
  readonly consistency: 'clean' | 'crash';
  readonly ready?: boolean;
}

/** What a new volume shall be. `asked` names the properties that the caller wrote: only those are compared with an existing one. */
export interface VolumeSpec<P = unknown> {
  readonly sizeBytes: Bytes;
  readonly record: InitialRecord;
  readonly params: P;
  readonly asked: readonly ('size' | 'params')[];
}

export interface AttachOptions {
  /** Take the volume from its owner, by the driver's fencing (S10). `unsafe`: without fencing, because a person said so. */
  readonly force: boolean | 'unsafe';
  readonly readonly: boolean;
  /** Boot id of the attaching node. */
  readonly bootId: string;
}

export interface StorageDriver<P = unknown> {
  readonly traits: Traits;

  /** Which node this is on the platform. Called first and once; may settle `traits`. @throws when the platform cannot tell. */
  whoami(facts: NodeFacts, ctx: Ctx): Promise<string>;

  /**
   * Which node of the platform another machine is, by what it knows of itself: a server asks it for its agents. Nothing of
   * the machine on which this runs counts. Absent: nodes are their uuids (`whoami` answers `facts.nodeId`).
   * @throws `invalid` when these facts do not tell, `not_found`
   */
  nodeOf?(facts: NodeFacts, ctx: Ctx): Promise<string>;
  /** JSON Schema of the per-volume options, where only the far side of a wire knows them: instead of the plugin's own. Settled by `whoami`. */
  readonly paramsSchema?: Readonly<Record<string, unknown>> | undefined;

  /**
   * Identity of the backing place (S9): the same for every node that shares it. `expected` is what this node pinned earlier:
   * where the place is missing or another one, the driver throws (`unavailable`) and creates nothing. Absent: the place cannot be mistaken.
   */
  identity?(o: { readonly expected?: string }, ctx: Ctx): Promise<string>;

  /** All volumes, a page at a time, in a stable order. Foreign ones carry `foreign`. */
  list(query: { readonly cursor?: string; readonly limit?: number }, ctx: Ctx): Promise<Page<DriverVolume<P>>>;

  /** @throws (classified `not_found`) when no volume has this id. */
  get(id: string, ctx: Ctx): Promise<DriverVolume<P>>;

  /** Faster than paging through `list`; undefined when no volume of ours has the name. */
  find?(name: string, ctx: Ctx): Promise<DriverVolume<P> | undefined>;

  /**
   * Post-state: a volume of that name exists, durably, with the record of `spec`, not attached. Idempotent: if one of that
   * name exists and every property in `spec.asked` holds (actual size ≥ asked), that one is returned unchanged.
   * Failing leaves nothing half-made. @throws `already_exists` (asked property differs), `exhausted`, `out_of_range`
   */
  create(name: string, spec: VolumeSpec<P>, ctx: Ctx): Promise<DriverVolume<P>>;

  /** Post-state: absent. Absent before = ok; attached anywhere = `in_use`. */
  remove(id: string, ctx: Ctx): Promise<void>;

  /**
   * Post-state: `node` alone (unless multi-writer) may use the volume; answers how to reach it. Idempotent per node.
   * Attached to another node = `in_use`, unless `force`. The same node with another boot id takes its own claim over.
   */
  attach(id: string, node: string, o: AttachOptions, ctx: Ctx): Promise<Attachment>;

  /** Post-state: `node` has no claim any more. Already so = ok. Never touches another node's. */
  detach(id: string, node: string, o: { readonly force: boolean }, ctx: Ctx): Promise<void>;

  /**
   * Compare-and-swap on the record: through {@link nextRecord}, durable before it returns.
   * @throws `busy` when `ifRevision` is stale, `data_loss` on a step backwards.
   */
  mark(id: string, patch: RecordPatch, o: { readonly ifRevision: string }, ctx: Ctx): Promise<DriverVolume<P>>;

  /** Grow to an absolute size; smaller or equal to the current = no change (S17). The file system is the host's business. */
  expand?(id: string, sizeBytes: Bytes, ctx: Ctx): Promise<DriverVolume<P>>;
  modify?(
    id: string,
    change: { readonly params?: Partial<P>; readonly hints?: VolumeRecord['hints'] },
    ctx: Ctx,
  ): Promise<DriverVolume<P>>;
  capacity?(ctx: Ctx): Promise<Space>;
  /** A full copy under a new name; its record says `copied`. The source is unmounted or frozen meanwhile (the integration sees to it). */
  clone?(id: string, name: string, spec: VolumeSpec<P>, ctx: Ctx): Promise<DriverVolume<P>>;
  readonly snapshots?: SnapshotVerbs<P>;
  /** Make a foreign volume (an image without record, a disk that another tool made) ours. `format` says what the host found in it. */
  adopt?(id: string, name: string, record: InitialRecord, ctx: Ctx): Promise<DriverVolume<P>>;

  /** Cheap re-check of ownership while mounted (S11). Absent where the platform takes the device away by itself. */
  owner?(id: string, node: string, ctx: Ctx): Promise<Ownership>;
  /** Ask the present owner to let go before an implicit takeover (S10); it sees the wish in its next {@link owner}. */
  requestRelease?(id: string, node: string, ctx: Ctx): Promise<void>;

  /** Remove half-made things of `node` from an earlier boot or a dead process, named as its own; nothing else (S12). */
  sweep?(node: string, bootId: string, ctx: Ctx): Promise<readonly string[]>;

  close?(): Promise<void>;
}

export interface SnapshotVerbs<P = unknown> {
  list(
    query: { readonly volumeId?: string; readonly cursor?: string; readonly limit?: number },
    ctx: Ctx,
  ): Promise<Page<DriverSnapshot>>;
  /** Idempotent by name for the same volume; another volume's snapshot of that name = `already_exists`. */
  create(
    volumeId: string,
    name: string,
    o: { readonly consistency: 'clean' | 'crash' },
    ctx: Ctx,
  ): Promise<DriverSnapshot>;
  /** Absent = ok. */
  remove(id: string, ctx: Ctx): Promise<void>;
  /** Always makes a new volume; its record says `copied`. `spec.sizeBytes` is at least the snapshot's. */
  restore(id: string, name: string, spec: VolumeSpec<P>, ctx: Ctx): Promise<DriverVolume<P>>;
}

/** Who owns a volume now. `mine` false = this node was preempted: it must stop writing at once. */
export interface Ownership {
  readonly mine: boolean;
  readonly node?: string;
  readonly epoch: number;
  /** Another node asked for it. */
  readonly releaseAsked?: string;
}
