/** What lies on a simulated disk. Plain data: a copy of it is a copy of the disk. FakeHost of `@rexray/conformance` reads and writes it. */
export interface DiskContent {
  /** A file system and the small files in it, by path from its root. */
  fs?: {
    fsType: string;
    uuid: string;
    fsBytes: number;
    /** Cleanly unmounted. */
    clean: boolean;
    /** Its making was interrupted: it has a signature and does not mount. */
    broken?: boolean;
    files: Record<string, string>;
    dirs: Record<string, { uid: number; gid: number; mode: number }>;
  };
  /** Something else that is not a file system of ours, e.g. `LUKS header`. */
  signature?: string;
  /** Traces of a file system that does not verify. */
  damaged?: string;
  /** Bytes without any signature: not blank, not known. */
  noise?: string;
}

/** A disk as its storage presents it. The object is the connection: a takeover makes another one. */
export interface MemoryDisk {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  sizeBytes: number;
  content: DiskContent;
  /** The platform took it away from whoever still has it: every use is an I/O error. */
  gone: boolean;
}

/** A disk by its path; undefined when there is none. */
export interface DiskSource {
  disk(path: string): MemoryDisk | undefined;
}
