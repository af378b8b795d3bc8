import type { Pace } from './batch.ts';
import type { Client } from './client.ts';
import type { Clock, Patience } from './clock.ts';
import type { EbsConfig } from './config.ts';
import type { Locks } from './locks.ts';
import type { Nodes } from './nodes.ts';
import type { View } from './view.ts';
import type { Volumes } from './volumes.ts';

/** What the rooms of the driver share. */
export interface Parts {
  readonly config: EbsConfig;
  readonly clock: Clock;
  readonly client: Client;
  readonly volumes: Volumes;
  readonly nodes: Nodes;
  readonly view: View;
  readonly locks: Locks;
  readonly pace: Pace;
  /** Longest wait for a state, ms. */
  readonly waitMs: number;
  readonly firstLookMs: number;
  /** EC2 shows what it made to every reader within this, ms. */
  readonly visibleMs: number;
  /** `/sys/block` of this machine, or a tree of a test. */
  readonly sysBlock: string;
  /** This node; empty until whoami. */
  self(): { readonly node: string; readonly boot: string; readonly zone: string };
  /** Patience of an undo for a caller that has gone. */
  lastWords(): Patience;
}
