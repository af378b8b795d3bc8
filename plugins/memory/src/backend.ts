import { randomUUID } from 'node:crypto';
import {
  type Bytes,
  bytes,
  type DriverSnapshot,
  type InitialRecord,
  type NodeAttachment,
  type VolumeRecord,
} from '@rexray/core';
import type { MemoryParams } from './config.ts';
import type { DiskContent, DiskSource, MemoryDisk } from './disks.ts';
import { Faults } from './faults.ts';

/** A volume as the storage keeps it; verbs change it in place, answers are copies. */
export interface StoredVolume {
  readonly id: string;
  name: string;
  readonly createdAt: string;
  attachments: NodeAttachment[];
  record: VolumeRecord;
  params: MemoryParams;
  foreign: boolean;
  /** What it was copied from: a repeated clone or restore finds its own result. */
  readonly source?: string;
  /** Grows with each change of owner and outlives a detach. */
  epoch: number;
  releaseAsked?: string;
  disk: MemoryDisk;
}

export interface StoredSnapshot {
  readonly about: DriverSnapshot;
  readonly content: DiskContent;
}

/** A thing that a dead process left behind. */
export interface HalfMade {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly bootId: string;
}

const named = new Map<string, MemoryBackend>();
const DEV = '1048577';

/** One storage in memory. Several drivers that are given the same one act as several nodes on one storage. */
export class MemoryBackend implements DiskSource {
  /** What the storage is known by (S9). */
  readonly identity: string = randomUUID();
  readonly faults: Faults = new Faults();
  readonly volumes: Map<string, StoredVolume> = new Map();
  readonly snapshots: Map<string, StoredSnapshot> = new Map();
  readonly half: Map<string, HalfMade> = new Map();
  /** The storage is not there (an unmounted NFS, another account): every verb answers `unavailable` and makes nothing. */
  lost = false;
  #seq = 0;

  /** The storage of this name in this process, made on first use. */
  static named(name: string): MemoryBackend {
    const known = named.get(name);
    if (known !== undefined) return known;
    const made = new MemoryBackend();
    named.set(name, made);
    return made;
  }

  /** Lets the name go, so that the next use of it makes an empty storage. */
  static forget(name: string): void {
    named.delete(name);
  }

  /** Ids sort in the order in which they were given and are never given twice. */
  nextId(kind: 'vol' | 'snap'): string {
    this.#seq += 1;
    return `${kind}-${String(this.#seq).padStart(8, '0')}-${this.identity.slice(0, 8)}`;
  }

  revision(): string {
    this.#seq += 1;
    return `r${this.#seq}`;
  }

  newDisk(path: string, sizeBytes: number, content: DiskContent = {}): MemoryDisk {
    this.#seq += 1;
    return { path, dev: DEV, ino: String(this.#seq), sizeBytes, content: structuredClone(content), gone: false };
  }

  disk(path: string): MemoryDisk | undefined {
    for (const v of this.volumes.values()) if (v.disk.path === path && !v.disk.gone) return v.disk;
    return undefined;
  }

  byName(name: string): StoredVolume | undefined {
    for (const v of this.volumes.values()) if (v.name === name) return v;
    return undefined;
  }

  usedBytes(): Bytes {
    let n = 0;
    for (const v of this.volumes.values()) n += v.disk.sizeBytes;
    return bytes(n);
  }

  /** Puts something into the storage that no driver made (a bare image): shown as foreign. @returns its id */
  addForeign(name: string, sizeBytes: Bytes, content: DiskContent = {}): string {
    return this.put(name, sizeBytes, { format: { state: 'none' }, hints: {}, labels: {}, owner: {} }, { content }).id;
  }

  put(
    name: string,
    sizeBytes: Bytes,
    record: InitialRecord,
    o: { params?: MemoryParams; content?: DiskContent; source?: string } = {},
  ): StoredVolume {
    const id = this.nextId('vol');
    const volume: StoredVolume = {
      id,
      name,
      createdAt: new Date().toISOString(),
      attachments: [],
      record: structuredClone({ ...record, revision: this.revision() }),
      params: structuredClone(o.params ?? {}),
      foreign: o.params === undefined,
      epoch: 0,
      disk: this.newDisk(`/memory/${id}`, sizeBytes, o.content),
      ...(o.source !== undefined && { source: o.source }),
    };
    this.volumes.set(id, volume);
    return volume;
  }
}
