import type { Integration } from '@rexray/core';
import type { Runner } from '../runner.ts';

/** An empty service for one rule. Hooks that are absent skip their rules. */
export interface IntegrationWorld {
  readonly integration: Integration;
  /** A small file, by its absolute path below a mount; read answers undefined when it is not there. */
  readonly content?: {
    write(path: string, text: string): Promise<void>;
    read(path: string): Promise<string | undefined>;
  };
  /** What is left on the node that nobody needs (mounts, devices, claims, notes). Asserted to be empty after every rule. */
  leaks?(): Promise<readonly string[]>;
  /** Puts something into the storage that this project did not make; `name` is how `list` calls it. */
  foreign?(): Promise<{ readonly name: string }>;
  /** Makes the next mounts slow, in ms, so that a caller can go away in the middle. */
  slow?(ms: number): void;
  close(): Promise<void>;
}

export interface IntegrationConformanceOptions {
  readonly runner: Runner;
  /** Called once a rule. */
  open(): Promise<IntegrationWorld>;
  /** Size of the volumes in bytes; default 64 MiB, more where `traits.sizes` ask for it. */
  readonly sizeBytes?: number | undefined;
  /** Callers at once in the rules about concurrency; default 32. */
  readonly many?: number | undefined;
  /** Deadline of each verb in ms; default 60,000. */
  readonly timeoutMs?: number | undefined;
  readonly skip?: Readonly<Record<string, string>> | undefined;
}

/** A sentence of the integration's interface that can be tested. */
export interface IntegrationRule {
  readonly id: string;
  readonly says: string;
  readonly run: (t: import('./bench.ts').IntegrationBench) => Promise<void>;
}
