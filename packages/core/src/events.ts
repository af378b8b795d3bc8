import { EventEmitter } from 'eventemitter3';
import type { Progress } from './context.ts';
import type { AnyVolumeError } from './errors.ts';

interface About {
  readonly service: string;
  readonly volume: string;
  readonly requestId: string;
  /** RFC 3339 */
  readonly at: string;
}

/** Everything that a running core tells. Payloads are plain data, without secrets. */
export interface Events {
  /** A verb began / ended; `ms` is its duration. One pair a verb. */
  'op.started': About & { readonly op: string; readonly holder?: string };
  'op.done': About & {
    readonly op: string;
    readonly ms: number;
    readonly error?: ReturnType<AnyVolumeError['toJSON']>;
  };
  /** A step of a verb (see `plan`): what the trace of a run consists of. */
  'op.step': About & {
    readonly op: string;
    readonly step: string;
    readonly phase: 'begin' | 'end' | 'undo';
    readonly ms?: number;
  };
  'op.progress': About & { readonly op: string } & Progress;
  'volume.created': About;
  'volume.removed': About;
  'volume.mounted': About & { readonly holder: string; readonly path: string };
  'volume.unmounted': About & { readonly holder: string };
  'volume.expanded': About & { readonly sizeBytes: number };
  /** This node was preempted (S11): its writes fail from now on. */
  'volume.lost': About & { readonly node: string; readonly epoch: number };
  'volume.release-asked': About & { readonly node: string };
  'snapshot.created': About & { readonly snapshot: string };
  'snapshot.removed': About & { readonly snapshot: string };
  /** What a person should read: a leaked holder, a difference that was not applied. */
  warning: { readonly message: string; readonly service?: string; readonly volume?: string; readonly at: string };
}

export type EventName = keyof Events;
export type EventOf<E extends EventName> = { readonly [K in E]: { readonly type: K } & Events[K] }[E];

export interface EventSource {
  /** Listens until the result is disposed. A listener that throws does not disturb the verb. */
  on<E extends EventName>(event: E, listener: (x: Events[E]) => void): Disposable;
  /** The same as an async iterable; holds at most `buffer` (default 1,000) events and drops the oldest beyond. */
  stream<E extends EventName>(
    events: readonly E[],
    o?: { readonly signal?: AbortSignal; readonly buffer?: number },
  ): AsyncIterable<EventOf<E>>;
}

const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose);

/** The one emitter of a runtime. */
export class EventBus implements EventSource {
  readonly #emitter = new EventEmitter();

  emit<E extends EventName>(event: E, payload: Events[E]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        (listener as (x: Events[E]) => void)(payload);
      } catch {
        // A listener's bug is the listener's: the verb that emitted goes on.
      }
    }
  }

  on<E extends EventName>(event: E, listener: (x: Events[E]) => void): Disposable {
    this.#emitter.on(event, listener as (...a: unknown[]) => void);
    return { [DISPOSE]: () => void this.#emitter.off(event, listener as (...a: unknown[]) => void) };
  }

  async *stream<E extends EventName>(
    events: readonly E[],
    o: { signal?: AbortSignal; buffer?: number } = {},
  ): AsyncGenerator<EventOf<E>> {
    const queue: EventOf<E>[] = [];
    const limit = o.buffer ?? 1000;
    let wake: (() => void) | undefined;
    const listening = events.map((type) =>
      this.on(type, (x) => {
        if (queue.length >= limit) queue.shift();
        queue.push({ type, ...x } as EventOf<E>);
        wake?.();
      }),
    );
    const abort = (): void => wake?.();
    o.signal?.addEventListener('abort', abort);
    try {
      while (o.signal?.aborted !== true) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      o.signal?.removeEventListener('abort', abort);
      for (const l of listening) l[DISPOSE]();
    }
  }
}
