import type { Policy } from '@rexray/core';

/** What a watcher process needs to look after one service; a file in the state directory, never with a secret. */
export interface WatchSpec {
  readonly service: string;
  readonly driver: string;
  /** File of the plugin. */
  readonly module: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly policy: Policy;
  readonly libDir: string;
  readonly host: Readonly<Record<string, unknown>>;
}

/** Directory of the specs, below the state directory. */
export const WATCH_DIR = 'watch';
/** The lock that one watcher (or the daemon) of a node holds. */
export const WATCH_LOCK = 'rexray watcher';
