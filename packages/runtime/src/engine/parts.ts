import type {
  Code,
  EventBus,
  HostDriver,
  Layer,
  LegacyFacet,
  Logger,
  NodeStore,
  Policy,
  StepHook,
  StorageDriver,
} from '@rexray/core';
import type { Schema } from '@rexray/core/schema';

/** One configured service, its driver constructed and not yet spoken to. */
export interface ServicePart {
  readonly name: string;
  readonly driverName: string;
  readonly driver: StorageDriver;
  readonly params: Schema<unknown>;
  readonly classify?: (e: unknown) => Code | undefined;
  readonly legacy?: LegacyFacet;
  readonly policy: Policy;
  readonly mountRetry?: { readonly count: number; readonly waitMs: number };
}

/** What an engine is made of: everything by value, nothing looked up. */
export interface EngineParts {
  readonly services: readonly ServicePart[];
  readonly host: HostDriver;
  readonly store: NodeStore;
  readonly events: EventBus;
  readonly logger: Logger;
  /** Site policies, between the locks and the verbs. */
  readonly layers?: readonly Layer[];
  readonly stepHook?: StepHook;
  /** How long one driver call may take, in ms. */
  readonly driverTimeoutMs?: number;
  /** Do not wait for the services to be open. */
  readonly background?: boolean;
  /** Look after claims while open (S11). Default true. */
  readonly watch?: boolean;
  /** Called at close with the services that still have mounts which somebody must look after. */
  readonly leaveWatcher?: (services: readonly string[]) => Promise<void>;
}
