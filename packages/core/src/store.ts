import type { Attachment } from './driver.ts';

/** Node state across restarts: holders, intents, pins. A small ordered map with atomic, durable batches, shared by several processes. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [k: string]: Json };

export type StoreOp = { readonly put: string; readonly value: unknown } | { readonly del: string };

export interface NodeStore {
  /** Last committed value; undefined when absent. @throws VolumeError `data_loss` when the state does not verify */
  get<T>(key: string): Promise<T | undefined>;
  /** All entries whose key starts with `prefix`, in key order. */
  list<T>(prefix: string): Promise<readonly (readonly [key: string, value: T])[]>;
  /**
   * All or nothing. Resolves when the batch is on disk, or at once in memory with `durable: false` (then it survives the
   * death of this process, not of the machine). `expect` compares before writing (undefined = absent); a mismatch writes nothing and answers false.
   */
  commit(
    ops: readonly StoreOp[],
    o?: { readonly durable?: boolean; readonly expect?: Readonly<Record<string, unknown>> },
  ): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Keys below it name state that did not verify and was set aside ({@link SetAside}): what this node knew before is lost,
 * so "no entry" proves nothing until a person has looked and the key is deleted.
 */
export const SET_ASIDE = 'set-aside/';
export interface SetAside {
  /** Where the damaged state was moved. */
  readonly path: string;
  readonly found: string;
  /** RFC 3339. */
  readonly at: string;
}

/** A volume as this node knows it: what it mounted, for whom. One per volume, so that a verb is one write. */
export interface NodeVolume {
  readonly service: string;
  readonly volume: string;
  readonly volumeId: string;
  readonly bootId: string;
  /** Claim epoch under which this node uses it. */
  readonly epoch: number;
  /** How this node reaches it: what a disconnect needs even when the storage no longer says so. */
  readonly attachment?: Attachment;
  /** A person attached it (`attach`): unmounting the last holder leaves it attached. */
  readonly attached?: boolean;
  readonly mount?: {
    readonly target: string;
    readonly path: string;
    /** What is mounted: a device node, a share or a directory. For people; `devno` decides. */
    readonly device?: string;
    readonly devno: string;
    readonly mountId: number;
    readonly readonly: boolean;
    readonly fsType: string;
    readonly backing?: { readonly dev: string; readonly ino: string };
    /** What its first holder asked for: later ones share it, or are refused. */
    readonly options?: readonly string[];
    readonly subdir?: string;
  };
  readonly holders: Readonly<Record<string, HolderEntry>>;
  /** Set when the claim was lost (S11): by whom. Cleared with the last holder. */
  readonly lost?: { readonly node: string; readonly epoch: number; readonly at: string };
}

export interface HolderEntry {
  /** One engine id may mount several times (`docker cp`): counted (S19). */
  readonly count: number;
  /** RFC 3339. */
  readonly since: string;
  readonly pid?: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one of the same pid. */
  readonly starttime?: string;
}

/** A durable note of a verb in progress (S12). */
export interface Intent {
  readonly op: string;
  readonly service: string;
  readonly volume: string;
  readonly volumeId?: string;
  readonly owner: ProcessIdentity;
  readonly at: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  readonly starttime: string;
}
