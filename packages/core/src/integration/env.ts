import type { Bytes } from '../bytes.ts';
import type { Logger } from '../context.ts';
import type { StorageDriver } from '../driver.ts';
import type { EventBus } from '../events.ts';
import type { HostDriver } from '../host.ts';
import type { FsType, Hints } from '../record.ts';
import type { Schema } from '../schema.ts';
import type { NodeStore, ProcessIdentity } from '../store.ts';

/** What an operator configured for the verbs of one service; every field has a value here, defaults are the runtime's. */
export interface Policy {
  /** Directory below which volumes are mounted, e.g. `/var/lib/rexray/volumes`. */
  readonly mountRoot: string;
  /** Mountpoints of this service carry no suffix (the default service); others are `<name>@<service>`. */
  readonly plainTargets: boolean;
  /** Sub-directory that a mount returns (`mount.rootPath`), `/data`. */
  readonly subdir: string;
  /** Permission bits of that directory when it is made. */
  readonly dataMode: number;
  readonly preempt: boolean;
  readonly ignoreUsedCount: boolean;
  readonly createDisable: boolean;
  readonly createImplicit: boolean;
  readonly removeDisable: boolean;
  readonly removeForce: boolean;
  readonly defaults: { readonly size: Bytes; readonly fsType?: FsType; readonly hints: Hints };
  /** How long an implicit takeover waits for the owner to let go, in ms. */
  readonly releaseWaitMs: number;
  /** For how long a node that lost a volume does not take it back by configuration, in ms. */
  readonly noTakeBackMs: number;
  /** Default deadline of a verb, in ms. */
  readonly timeoutMs: number;
}

/** What a hook of the tests sees: a step about to begin or just done. A throw of {@link SimulatedCrash} ends the verb as SIGKILL would. */
export type StepHook = (at: {
  readonly op: string;
  readonly volume: string;
  readonly step: string;
  readonly phase: 'begin' | 'end' | 'undo';
}) => void | Promise<void>;

/** Everything the verbs of one service stand on. */
export interface Env {
  readonly service: string;
  readonly driverName: string;
  /** Already behind the storage plane: throws VolumeErrors only. */
  readonly driver: StorageDriver;
  readonly params: Schema<unknown>;
  readonly host: HostDriver;
  readonly store: NodeStore;
  readonly events: EventBus;
  readonly logger: Logger;
  /** This node's id on the platform. */
  readonly node: string;
  readonly self: ProcessIdentity;
  readonly root: boolean;
  /** Identity of the backing place: two services over one place share their locks. */
  readonly identity: string;
  readonly policy: Policy;
  readonly stepHook?: StepHook;
  /** Aborted when this process ends and the verbs that still run have to stop. */
  readonly closing?: AbortSignal;
}

const CRASH = Symbol.for('@rexray/core/SimulatedCrash');
/** Ends a verb without undo and without clean-up, as a killed process would. For tests only. */
export class SimulatedCrash extends Error {
  readonly [CRASH] = true;
}
export const isCrash = (e: unknown): boolean =>
  typeof e === 'object' && e !== null && (e as Record<symbol, unknown>)[CRASH] === true;

export const volumeKey = (service: string, name: string): string => `volume/${service}/${name}`;
export const intentKey = (service: string, name: string): string => `intent/${service}/${name}`;
export const scratchKey = (service: string, name: string): string => `scratch/${service}/${name}`;
export const lostKey = (service: string, name: string): string => `lost/${service}/${name}`;
/** Where the identity of a service's place is kept (S9). */
export const pinKey = (service: string): string => `pin/${service}`;
export const lockKey = (env: Pick<Env, 'identity'>, name: string): string => `${env.identity}\n${name}`;

/** Where a volume is mounted: nothing but its name decides, so that documented paths hold. */
export function targetOf(env: Pick<Env, 'policy' | 'service'>, name: string): string {
  return `${env.policy.mountRoot}/${env.policy.plainTargets ? name : `${name}@${env.service}`}`;
}
