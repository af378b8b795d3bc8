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
  /** One try of one call of a storage driver ended: for those who measure. */
  'driver.call': {
    readonly service: string;
    readonly op: string;
    readonly requestId: string;
    readonly at: string;
    readonly ms: number;
    /** 1 is the first. */
    readonly attempt: number;
    /** Of its error. */
    readonly code?: string;
  };
  /** A verb got the lock of its volume (S4), after so long. */
  'lock.wait': About & { readonly ms: number };
  /** What a person should read: a leaked holder, a difference that was not applied. */
  warning: { readonly message: string; readonly service?: string; readonly volume?: string; readonly at: string };
}

export type EventName = keyof Events;
export type EventOf<E extends EventName> = { readonly [K in E]: { readonly type: K } & Events[K] }[E];

export interface EventSource {
  /** Listens until the result is disposed. A listener that throws does not disturb the verb. */
  on<E extends EventName>(event: E, listener: (x: Events[E]) => void): Disposable;
  /** The same as an async iterable, from this call until it is left or `signal` aborts; holds at most `buffer` (default 1,000) events and drops the oldest beyond. */
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
      // A listener's bug is the listener's: the verb that emitted goes on.
      try {
        const answer: unknown = (listener as (x: Events[E]) => unknown)(payload);
        if (answer instanceof Promise) answer.catch(() => undefined);
      } catch {}
    }
  }

  on<E extends EventName>(event: E, listener: (x: Events[E]) => void): Disposable {
    // A function of its own for each subscription: `off` removes all that are equal.
    const own = (x: Events[E]): void => listener(x);
    this.#emitter.on(event, own as (...a: unknown[]) => void);
    return { [DISPOSE]: () => void this.#emitter.off(event, own as (...a: unknown[]) => void) };
  }

  stream<E extends EventName>(
    events: readonly E[],
    o: { signal?: AbortSignal; buffer?: number } = {},
  ): AsyncIterableIterator<EventOf<E>> {
    return new Stream(this, events, o.buffer ?? 1000, o.signal);
  }
}

/** Listens from the call on, not from the first read: what happens between the two is not missed. */
class Stream<E extends EventName> implements AsyncIterableIterator<EventOf<E>> {
  readonly #queue: EventOf<E>[] = [];
  #waiting: ((r: IteratorResult<EventOf<E>>) => void)[] = [];
  #listening: readonly Disposable[];
  #ended = false;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#end();

  constructor(bus: EventSource, events: readonly E[], buffer: number, signal: AbortSignal | undefined) {
    this.#listening = events.map((type) =>
      bus.on(type, (x) => {
        const event = { ...x, type } as unknown as EventOf<E>;
        const waiting = this.#waiting.shift();
        if (waiting !== undefined) waiting({ value: event, done: false });
        else if (this.#queue.push(event) > buffer) this.#queue.shift();
      }),
    );
    this.#signal = signal;
    if (signal?.aborted === true) this.#end();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  next(): Promise<IteratorResult<EventOf<E>>> {
    const event = this.#ended ? undefined : this.#queue.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async return(): Promise<IteratorResult<EventOf<E>>> {
    this.#end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const l of this.#listening) l[DISPOSE]();
    this.#listening = [];
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }
}
