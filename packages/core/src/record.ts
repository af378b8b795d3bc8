import { VolumeError } from './errors.ts';

/** File systems that a volume may be formatted with. */
export const FS_TYPES = ['ext4', 'xfs', 'btrfs'] as const;
export type FsType = (typeof FS_TYPES)[number];
export const isFsType = (x: unknown): x is FsType => FS_TYPES.includes(x as FsType);

/**
 * The one-way life of a block volume (rule S1): `blank → formatting → formatted`, never backwards. `none` is a share or
 * a directory, which is never formatted. Kept with the storage, so that every node reads the same.
 */
export type FormatState =
  | {
      readonly state: 'blank';
      /** What the first mount formats with. */
      readonly fsType: FsType;
      /** The creator wrote `overwriteFs`: waives missing positive evidence of blankness, never a found signature (S3). */
      readonly consent?: boolean;
      /** Allow-listed mkfs options by name (S21), for example `{ label: 'data' }`. */
      readonly mkfs?: Readonly<Record<string, string>>;
    }
  | {
      readonly state: 'formatting';
      readonly fsType: FsType;
      /** The UUID that mkfs is given; only this one may be re-made or adopted. */
      readonly plannedUuid: string;
      /** Claim epoch under which mkfs was started; 0 where the platform's attachment is the claim. */
      readonly epoch: number;
      /** The UUID that a person asked to wipe (`format --wipe`): the only other signature that may be found. */
      readonly wipes?: string;
      readonly mkfs?: Readonly<Record<string, string>>;
    }
  | { readonly state: 'formatted'; readonly fsType: FsType; readonly uuid: string }
  | { readonly state: 'none' };

/** Hints: every driver accepts and records them, none has to honour them. */
export interface Hints {
  readonly iops?: number;
  readonly type?: string;
  readonly availabilityZone?: string;
}

/** Who owns the directory that a mount returns; applied once, when it is created (`mode` is permission bits, e.g. 0o700). */
export interface DataOwner {
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

/** What is known about a volume, kept with the storage and changed only by {@link StorageDriver.mark}. Plain JSON. */
export interface VolumeRecord {
  /** Opaque; changes with every mark. The compare in compare-and-swap. */
  readonly revision: string;
  readonly format: FormatState;
  readonly hints: Hints;
  readonly labels: Readonly<Record<string, string>>;
  readonly owner: DataOwner;
  /** Logical block size that file devices get (S7); 512 unless recorded. */
  readonly blockSize?: number;
  /** This is a copy whose file system still has the UUID of its original: it gets its own before the first mount (S25). */
  readonly copied?: boolean;
  /** The data directory was made in the file system (the mount's sub-directory, `/data`). */
  readonly dataDir?: string;
  /** Allow-listed mount options that every mount of the volume gets. */
  readonly mountOptions?: readonly string[];
  readonly readOnly?: boolean;
}

export type RecordPatch = Partial<Omit<VolumeRecord, 'revision' | 'format'>> & { readonly format?: FormatState };
export type InitialRecord = Omit<VolumeRecord, 'revision'>;

/** What a volume without any wishes starts with. */
export const emptyRecord = (format: FormatState): InitialRecord => ({ format, hints: {}, labels: {}, owner: {} });

/**
 * The record after a patch; every driver's `mark` goes through this, so that none can step backwards (S1).
 * @throws VolumeError `busy` when `ifRevision` is stale (somebody else marked in between: read again),
 * `data_loss` when the format state would go backwards.
 */
export function nextRecord(
  current: VolumeRecord,
  patch: RecordPatch,
  o: { ifRevision: string; revision: string },
): VolumeRecord {
  if (current.revision !== o.ifRevision) {
    throw new VolumeError(
      'busy',
      `The record changed meanwhile (revision ${current.revision}, expected ${o.ifRevision}).`,
      {
        details: { op: 'mark', retryAfterMs: 50 },
        hint: 'Try again.',
      },
    );
  }
  if (patch.format !== undefined) assertForward(current.format, patch.format);
  const merged: VolumeRecord = { ...current, ...patch, revision: o.revision };
  return Object.fromEntries(Object.entries(merged).filter(([, v]) => v !== undefined)) as unknown as VolumeRecord;
}

function assertForward(from: FormatState, to: FormatState): void {
  if (isForward(from, to)) return;
  throw new VolumeError('data_loss', `The format state cannot go from ${from.state} to ${to.state}.`, {
    details: { found: from.state, expected: to.state },
    hint: 'A file system that was made is only replaced by the verb that wipes it, naming its UUID.',
  });
}

function isForward(from: FormatState, to: FormatState): boolean {
  switch (from.state) {
    case 'none':
      return to.state === 'none';
    case 'blank':
      // Consent is given at creation or never. blank → formatted adopts a file system that was found: it adds the veto.
      return to.state === 'blank' ? to.consent !== true || from.consent === true : to.state !== 'none';
    case 'formatting':
      if (to.state === 'formatted') return sameUuid(to.uuid, from.plannedUuid) && to.fsType === from.fsType;
      // Another owner may take over; what is made, and over what, stays.
      return (
        to.state === 'formatting' &&
        to.plannedUuid === from.plannedUuid &&
        to.fsType === from.fsType &&
        to.epoch >= from.epoch &&
        to.wipes === from.wipes
      );
    case 'formatted':
      // A copy gets a UUID of its own (S25); wiping names the one that it destroys (S3).
      if (to.state === 'formatted') return to.fsType === from.fsType;
      return to.state === 'formatting' && to.wipes !== undefined && sameUuid(to.wipes, from.uuid);
  }
}

/** People type UUIDs in either case. */
const sameUuid = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
