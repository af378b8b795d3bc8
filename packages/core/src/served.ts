/** What a server gives to agents: the driver interface of a service, with the credentials of the server's process. */
import type { CallOptions } from './context.ts';
import type { Traits } from './driver.ts';

/** A service's storage as a server gives it to agents: what the driver interface has, addressed by names of fields. */
export const STORAGE_OPS = [
  'whoami',
  'identity',
  'list',
  'get',
  'find',
  'create',
  'remove',
  'attach',
  'detach',
  'mark',
  'expand',
  'modify',
  'capacity',
  'clone',
  'adopt',
  'owner',
  'requestRelease',
  'sweep',
  'snapshots.list',
  'snapshots.create',
  'snapshots.remove',
  'snapshots.restore',
] as const;
export type StorageOp = (typeof STORAGE_OPS)[number];

export interface StorageCallOptions extends CallOptions {
  /** The node for which it is asked. */
  readonly node?: string | undefined;
  /** The nodes for which this caller may ask; absent: any. */
  readonly nodes?: readonly string[] | undefined;
  /** The place that the caller knows (S9): over another one nothing is done. */
  readonly place?: string | undefined;
}

/** What an agent is told at first. */
export interface StorageAbout {
  /** Which node of the platform the agent is. */
  readonly node: string;
  readonly service: string;
  readonly driver: string;
  readonly traits: Traits;
  /** Optional verbs that the driver has. */
  readonly verbs: readonly StorageOp[];
  readonly paramsSchema: Readonly<Record<string, unknown>>;
  readonly identity: string;
}

/** The storage of a service for agents on other machines, with the credentials of this process. */
export interface StoragePlane {
  call(op: StorageOp, fields: Readonly<Record<string, unknown>>, o?: StorageCallOptions): Promise<unknown>;
}
