import type { Code, NodeFacts, StorageDriver } from '@rexray/core';
import type { Runner } from '../runner.ts';

/** A driver as one node sees the storage. */
export interface StorageNode<P = unknown> {
  readonly driver: StorageDriver<P>;
  /** What `whoami` is told; made up where absent. */
  readonly facts?: Partial<NodeFacts>;
}

/** An empty storage for one rule, and what only the driver's author can do to it. Hooks that are absent skip their rules. */
export interface StorageWorld<P = unknown> extends StorageNode<P> {
  /** Another node on the same storage. Required where `traits.scope` is `global`. */
  another?(): Promise<StorageNode<P>>;
  /** The same node after its process was restarted. Required unless `traits.durable` is false. */
  reopen?(): Promise<StorageNode<P>>;
  /** Reads and writes something of a volume that is not attached, as its user would. */
  readonly content?: { write(id: string, text: string): Promise<void>; read(id: string): Promise<string | undefined> };
  /** Puts something into the storage that this project did not make; `name` is how `list` calls it. */
  foreign?(): Promise<{ readonly name: string; intact?(): Promise<boolean> }>;
  /** Leaves what a process of that node and boot leaves when it is killed in the middle of `create`. */
  halfMade?(node: string, bootId: string): Promise<{ exists(): Promise<boolean> }>;
  /** Takes the storage away (unmounts it, moves it); the result brings it back. */
  lose?(): Promise<() => Promise<void>>;
  /** Removes everything that was made, also when the rule failed. */
  close(): Promise<void>;
}

export interface StorageConformanceOptions<P = unknown> {
  readonly runner: Runner;
  /** Called once a rule. */
  open(): Promise<StorageWorld<P>>;
  /** The plugin's own. */
  readonly classify?: ((e: unknown) => Code | undefined) | undefined;
  /** Valid per-volume options; default none. */
  readonly params?: P | undefined;
  /** Others, which differ from `params` in a property that `create` compares. */
  readonly otherParams?: P | undefined;
  /** Size of the volumes in bytes; default the smallest that the traits allow, at least 64 MiB. */
  readonly sizeBytes?: number | undefined;
  /** Deadline of each call in ms; default 30,000. */
  readonly deadlineMs?: number | undefined;
  /** Volumes made by the paging rules; default 5. */
  readonly many?: number | undefined;
  /** Milliseconds after which the cancelling rule aborts a create; default 0, 1, 3, 10. */
  readonly abortAfterMs?: readonly number[] | undefined;
  /** Rules that cannot hold here, by id, each with the reason that the report prints. */
  readonly skip?: Readonly<Record<string, string>> | undefined;
}

/** A clause of the driver interface that can be tested. */
export interface StorageRule {
  /** `storage/<verb>-<what>` */
  readonly id: string;
  /** The clause as a sentence. */
  readonly says: string;
  // biome-ignore lint/suspicious/noExplicitAny: a rule holds for a driver of any parameters.
  readonly run: (t: import('./bench.ts').StorageBench<any>) => Promise<void>;
}
