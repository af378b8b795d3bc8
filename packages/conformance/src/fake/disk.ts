/** What lies on a simulated disk. Plain data: a deep copy of it is a copy of the disk. The memory driver keeps the same. */
export interface FakeContent {
  fs?: {
    fsType: string;
    uuid: string;
    fsBytes: number;
    /** Cleanly unmounted. */
    clean: boolean;
    /** Its making was interrupted: it has a signature and does not mount. */
    broken?: boolean;
    /** Small files by path from the root of the file system. */
    files: Record<string, string>;
    dirs: Record<string, { uid: number; gid: number; mode: number }>;
  };
  /** Something that is not a file system of ours, e.g. `LUKS header`. */
  signature?: string;
  /** Traces of a file system that does not verify. */
  damaged?: string;
  /** Bytes without a signature: not blank, not known. */
  noise?: string;
}

/** A disk as its storage presents it. The object is the connection: a takeover makes another one and marks this one `gone`. */
export interface FakeDisk {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  sizeBytes: number;
  content: FakeContent;
  gone: boolean;
}

/** Where a simulated machine finds its disks; the memory driver's backend is one. */
export interface FakeDiskSource {
  disk(path: string): FakeDisk | undefined;
}

/** Disks without a storage driver, for tests of hosts alone. */
export class FakeDisks implements FakeDiskSource {
  readonly #disks: Map<string, FakeDisk> = new Map();
  #ino = 0;

  add(path: string, sizeBytes: number, content: FakeContent = {}): FakeDisk {
    this.#ino += 1;
    const disk: FakeDisk = { path, dev: '1', ino: String(this.#ino), sizeBytes, content, gone: false };
    this.#disks.set(path, disk);
    return disk;
  }

  disk(path: string): FakeDisk | undefined {
    return this.#disks.get(path);
  }
}

// Which machines write to a disk now: two at once destroy it, as they do in reality, so that a test can see it.
const writers = new WeakMap<FakeDisk, Set<object>>();

/** A machine begins to write to a disk; a second one damages what is on it. */
export function beginWriting(disk: FakeDisk, machine: object): void {
  const all = writers.get(disk) ?? new Set();
  writers.set(disk, all.add(machine));
  if (all.size > 1) disk.content = { damaged: 'a file system that two machines wrote to at once' };
}

export function endWriting(disk: FakeDisk, machine: object): void {
  writers.get(disk)?.delete(machine);
}
