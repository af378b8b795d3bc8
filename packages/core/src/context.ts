import type { Bytes } from './bytes.ts';

/** How far a long operation is. `done` and `total` are in `unit`; `total` is absent while unknown. */
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'steps' | 'ms';
}

/** The last argument of every driver and host verb. */
export interface Ctx {
  /** Aborted when the caller goes away or the deadline passes. A verb that is told so undoes what it began, then throws. */
  readonly signal: AbortSignal;
  /** When the verb must have answered, on this process's monotonic clock (`performance.now()`, ms). */
  readonly deadline: number;
  readonly requestId: string;
  /** The node for which this is done, where that is not the driver's own: a server's agent. Absent: the node of `whoami`. */
  readonly node?: string;
  progress(p: Progress): void;
}

/** Milliseconds left of a context; at least 0. */
export const remaining = (ctx: Pick<Ctx, 'deadline'>): number => Math.max(0, ctx.deadline - performance.now());

/** Options of every verb of the integration and the SDK; always the last argument. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 120,000; the verb answers `timeout` after it. */
  readonly timeoutMs?: number | undefined;
  readonly requestId?: string | undefined;
  readonly onProgress?: ((p: Progress) => void) | undefined;
}

/** Lines of a log; the first argument carries fields, the second the sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** One page of a listing. `next` is the cursor of the following one, absent at the end. `partial` says why some are missing. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
  readonly partial?: string;
}

export interface Space {
  readonly totalBytes: Bytes;
  readonly freeBytes: Bytes;
}
