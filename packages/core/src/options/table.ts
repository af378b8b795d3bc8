import type { Bytes } from '../bytes.ts';
import type { FsType } from '../record.ts';
import * as read from './values.ts';

/** What the options add up to, while they are read. */
export interface Draft {
  size?: Bytes;
  fsType?: FsType;
  from?: read.Source;
  overwriteFs?: boolean;
  encrypted?: boolean;
  encryptionKey?: string;
  readOnly?: boolean;
  mountOptions?: string[];
  hints: { iops?: number; type?: string; availabilityZone?: string };
  owner: { uid?: number; gid?: number; mode?: number };
  labels: Record<string, string>;
  mkfs: Record<string, string>;
  params: Record<string, unknown>;
}

export interface OptionRow {
  /** The preferred spelling; every spelling is accepted in any case. Ends in `.` for a family (`label.<name>`). */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: 'size' | 'number' | 'text' | 'boolean' | 'octal' | 'file system' | 'list' | 'source';
  readonly meaning: string;
  readonly example: string;
  /** `copy`: says what the volume is made from; at most one of them. */
  readonly group?: 'copy';
  /** Several spellings may be given with several values; the first of `name`, `aliases` wins, as REX-Ray documents. */
  readonly firstWins?: true;
  /** May be repeated; the values add up. */
  readonly repeats?: true;
  /** Never shown again: not in a message, not in the details of an error. */
  readonly secret?: true;
  put(draft: Draft, value: string, key: string): void;
}

const UID_MAX = 2 ** 32 - 2;

/** REX-Ray's string options and ours: Docker's `-o`, `DVDI_VOLUME_OPTS`, dvdcli's `--volumeopts`. The one table. */
export const OPTIONS: readonly OptionRow[] = [
  {
    name: 'size',
    aliases: [],
    type: 'size',
    meaning: 'Size of the volume. A bare number is GiB; k m g t and KiB … TiB are binary, KB … TB decimal.',
    example: 'size=16',
    put(d, v, k) {
      d.size = read.size(k, v);
    },
  },
  {
    name: 'iops',
    aliases: [],
    type: 'number',
    meaning: 'I/O operations a second, a hint: recorded, honoured where the storage can.',
    example: 'iops=150',
    put(d, v, k) {
      d.hints.iops = read.whole(k, v, Number.MAX_SAFE_INTEGER);
    },
  },
  {
    name: 'type',
    aliases: ['volumeType'],
    type: 'text',
    meaning: 'Kind of storage, a hint in the words of the platform. `type` wins over `volumeType`.',
    example: 'volumeType=io1',
    firstWins: true,
    put(d, v, k) {
      d.hints.type = read.text(k, v);
    },
  },
  {
    name: 'availabilityZone',
    aliases: [],
    type: 'text',
    meaning: 'Zone of the platform, a hint.',
    example: 'availabilityZone=us-east-1a',
    put(d, v, k) {
      d.hints.availabilityZone = read.text(k, v);
    },
  },
  {
    name: 'encrypted',
    aliases: [],
    type: 'boolean',
    meaning: 'The volume must be encrypted; a driver that cannot refuses.',
    example: 'encrypted=true',
    put(d, v, k) {
      d.encrypted = read.truth(k, v);
    },
  },
  {
    name: 'encryptionKey',
    aliases: [],
    type: 'text',
    meaning: 'Key to encrypt with, as the platform names it.',
    example: 'encryptionKey=alias/volumes',
    secret: true,
    put(d, v, k) {
      d.encryptionKey = read.text(k, v);
    },
  },
  {
    name: 'newFsType',
    aliases: ['fsType'],
    type: 'file system',
    meaning: 'File system that the first mount makes: ext4, xfs or btrfs.',
    example: 'newFsType=xfs',
    put(d, v, k) {
      d.fsType = read.fsType(k, v);
    },
  },
  {
    name: 'overwriteFs',
    aliases: [],
    type: 'boolean',
    meaning: 'Format the new volume although nothing proves that it is blank. Never wipes a volume that exists.',
    example: 'overwriteFs=true',
    put(d, v, k) {
      d.overwriteFs = read.truth(k, v);
    },
  },
  {
    name: 'volumeName',
    aliases: [],
    type: 'text',
    meaning: 'Make it a copy of the volume of this name.',
    example: 'volumeName=master',
    group: 'copy',
    put(d, v, k) {
      d.from = { volume: read.text(k, v) };
    },
  },
  {
    name: 'volumeID',
    aliases: [],
    type: 'text',
    meaning: 'Make it a copy of the volume with this id of the platform.',
    example: 'volumeID=vol-0abc',
    group: 'copy',
    put(d, v, k) {
      d.from = { volumeId: read.text(k, v) };
    },
  },
  {
    name: 'snapshotName',
    aliases: [],
    type: 'text',
    meaning: 'Make it from the snapshot of this name.',
    example: 'snapshotName=nightly',
    group: 'copy',
    put(d, v, k) {
      d.from = { snapshot: read.text(k, v) };
    },
  },
  {
    name: 'snapshotID',
    aliases: [],
    type: 'text',
    meaning: 'Make it from the snapshot with this id of the platform.',
    example: 'snapshotID=snap-0abc',
    group: 'copy',
    put(d, v, k) {
      d.from = { snapshotId: read.text(k, v) };
    },
  },
  {
    name: 'from',
    aliases: [],
    type: 'source',
    meaning: 'The same in one option: volume:NAME, snapshot:NAME, volumeId:ID or snapshotId:ID.',
    example: 'from=snapshot:nightly',
    group: 'copy',
    put(d, v, k) {
      d.from = read.source(k, v);
    },
  },
  {
    name: 'uid',
    aliases: [],
    type: 'number',
    meaning: 'Owner of the data directory, by number; set when it is made.',
    example: 'uid=1000',
    put(d, v, k) {
      d.owner.uid = read.whole(k, v, UID_MAX);
    },
  },
  {
    name: 'gid',
    aliases: [],
    type: 'number',
    meaning: 'Group of the data directory, by number.',
    example: 'gid=1000',
    put(d, v, k) {
      d.owner.gid = read.whole(k, v, UID_MAX);
    },
  },
  {
    name: 'mode',
    aliases: [],
    type: 'octal',
    meaning: 'Permission bits of the data directory, in octal. Default 0700.',
    example: 'mode=0750',
    put(d, v, k) {
      d.owner.mode = read.octal(k, v);
    },
  },
  {
    name: 'mountOptions',
    aliases: [],
    type: 'list',
    meaning: 'Mount options of every mount, from the list allowed for the file system. May be repeated.',
    example: 'mountOptions=noatime',
    repeats: true,
    put(d, v, k) {
      d.mountOptions = [...(d.mountOptions ?? []), ...read.words(k, v)];
    },
  },
  {
    name: 'readOnly',
    aliases: ['ro'],
    type: 'boolean',
    meaning: 'Every mount is read-only.',
    example: 'ro=true',
    put(d, v, k) {
      d.readOnly = read.truth(k, v);
    },
  },
  {
    name: 'label.',
    aliases: [],
    type: 'text',
    meaning: 'A label: `label.<name>`, the name as it is written.',
    example: 'label.team=web',
    put(d, v, k) {
      d.labels[read.label(k)] = v;
    },
  },
  {
    name: 'mkfs.',
    aliases: [],
    type: 'text',
    meaning: 'An option of the new file system, from the list allowed for it: `mkfs.<name>`.',
    example: 'mkfs.label=data',
    put(d, v, k) {
      d.mkfs[read.label(k)] = v;
    },
  },
];
