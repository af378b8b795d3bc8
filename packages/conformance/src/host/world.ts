import type { Attachment, Code, FsType, HostDriver } from '@rexray/core';
import type { Runner } from '../runner.ts';

/** What a disk for a test holds at first. */
export type Holding = 'blank' | 'noise' | 'foreign';

/** A machine for one rule, and what only the host's author can do to it. Hooks that are absent skip their rules. */
export interface HostWorld {
  readonly host: HostDriver;
  /** A driver of another process on the same machine. */
  another?(): Promise<HostDriver>;
  /** Directory below which the suite mounts; absolute, and nothing else is mounted there. */
  readonly mountRoot: string;
  /** A new disk of this size that is not connected. `noise`: bytes without a signature. `foreign`: a signature of something else. */
  makeAttachment(o: { readonly sizeBytes: number; readonly holds: Holding }): Promise<Attachment>;
  /** An attachment of the same kind to something that does not exist. */
  absent(): Promise<Attachment>;
  /** The storage makes a disk larger. */
  enlarge?(a: Attachment, sizeBytes: number): Promise<void>;
  /** A copy of all bytes of a disk that nobody uses. */
  copy?(a: Attachment): Promise<Attachment>;
  /** A small file, by its absolute path below a mount; read answers undefined when it is not there. */
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string | undefined>;
  /** A process has a file below this mount open until released. */
  use?(target: string): Promise<{ readonly pid: number; release(): Promise<void> }>;
  close(): Promise<void>;
}

export interface HostConformanceOptions {
  readonly runner: Runner;
  /** Called once a rule. */
  open(): Promise<HostWorld>;
  readonly classify?: ((e: unknown) => Code | undefined) | undefined;
  /** File system of the disks; default ext4. */
  readonly fsType?: FsType | undefined;
  /** Size of the disks in bytes; default 64 MiB, for xfs 320 MiB, for btrfs 128 MiB. */
  readonly sizeBytes?: number | undefined;
  /** Deadline of each call in ms; default 30,000. */
  readonly deadlineMs?: number | undefined;
  readonly skip?: Readonly<Record<string, string>> | undefined;
}

/** A clause of the host driver interface that can be tested. */
export interface HostRule {
  readonly id: string;
  readonly says: string;
  readonly run: (t: import('./bench.ts').HostBench) => Promise<void>;
}
