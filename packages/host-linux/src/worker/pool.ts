import { type Ctx, remaining, VolumeError } from '@rexray/core';
import type { HostConfig } from '../config.ts';
import { isLate } from '../deadline.ts';
import { Worker, type WorkerProgram } from './worker.ts';

export interface PoolOptions extends WorkerProgram {
  /** Worker processes that serve at once; default 8. */
  readonly max?: number;
  /** Callers that may wait for one; default 256. */
  readonly queue?: number;
  /** An idle worker beyond the first ends after this; default 10,000 ms. */
  readonly idleMs?: number;
}

/** Workers that hang and were given up; more than this means that the storage of this host is down. */
const MOST_ABANDONED = 64;

interface Waiting {
  take(w: Worker): void;
}

/** Worker processes, started when needed; one always stays once there was one. */
export class WorkerPool {
  readonly #config: HostConfig;
  readonly #o: PoolOptions;
  readonly #all = new Set<Worker>();
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #queue: Waiting[] = [];
  #abandoned = 0;
  #closed = false;

  constructor(config: HostConfig, o: PoolOptions) {
    this.#config = config;
    this.#o = o;
  }

  /** Pids of the workers that serve or wait. */
  get pids(): readonly number[] {
    return [...this.#all].map((w) => w.pid);
  }

  /** A worker for one session; give it back with {@link give}. @throws `busy` none became free, `exhausted`, `canceled` */
  async take(ctx: Ctx): Promise<Worker> {
    if (this.#closed) throw closed();
    const idle = this.#nextIdle();
    if (idle !== undefined) return idle;
    if (this.#all.size < (this.#o.max ?? 8)) return this.#start();
    if (this.#queue.length >= (this.#o.queue ?? 256)) throw full(this.#queue.length);
    return this.#wait(ctx);
  }

  #nextIdle(): Worker | undefined {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      if (worker.gone) continue;
      worker.idle(false);
      return worker;
    }
    return undefined;
  }

  #start(): Worker {
    if (this.#abandoned >= MOST_ABANDONED) throw full(this.#abandoned);
    const worker = new Worker(this.#config, this.#o);
    this.#all.add(worker);
    worker.onGone = () => {
      this.#all.delete(worker);
      clearTimeout(this.#idle.get(worker));
      this.#idle.delete(worker);
      if (this.#queue.length > 0 && !this.#closed) this.#serveNext(this.#start());
    };
    return worker;
  }

  #wait(ctx: Ctx): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const leave = (e?: Error): void => {
        clearTimeout(timer);
        ctx.signal.removeEventListener('abort', onAbort);
        const i = this.#queue.indexOf(waiting);
        if (i >= 0) this.#queue.splice(i, 1);
        if (e !== undefined) reject(e);
      };
      const onAbort = (): void => leave(isLate(ctx) ? full(this.#queue.length) : canceled());
      const timer = setTimeout(() => leave(full(this.#queue.length)), remaining(ctx));
      const waiting: Waiting = {
        take: (w) => {
          leave();
          resolve(w);
        },
      };
      this.#queue.push(waiting);
      ctx.signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #serveNext(worker: Worker): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    next.take(worker);
    return true;
  }

  give(worker: Worker): void {
    if (worker.gone || this.#serveNext(worker)) return;
    if (this.#closed) {
      void worker.stop();
      return;
    }
    worker.idle(true);
    const timer = setTimeout(() => this.#endIdle(worker), this.#o.idleMs ?? 10_000);
    timer.unref();
    this.#idle.set(worker, timer);
  }

  #endIdle(worker: Worker): void {
    if (this.#all.size <= 1 || !this.#idle.delete(worker)) return;
    this.#all.delete(worker);
    void worker.stop();
  }

  /** Ends a worker whose kernel calls may still run: each would keep a pool thread from the next session. */
  retire(worker: Worker): void {
    if (worker.gone) return;
    this.#all.delete(worker);
    this.#count(worker);
    void worker.stop();
  }

  #count(worker: Worker): void {
    this.#abandoned++;
    worker.whenEnded(() => {
      this.#abandoned--;
    });
  }

  /** The worker hangs: it is no longer one of ours. */
  abandon(worker: Worker): void {
    if (worker.gone) return;
    this.#count(worker);
    worker.abandon();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#all];
    await Promise.all(all.map((w) => w.stop()));
    for (const timer of this.#idle.values()) clearTimeout(timer);
  }
}

const closed = (): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', 'The host was closed.', { details: {} });

const canceled = (): VolumeError<'canceled'> =>
  new VolumeError('canceled', 'The caller went away while waiting for a host worker.', {
    details: { step: 'open', rolledBack: true },
  });

const full = (waiting: number): VolumeError<'busy'> =>
  new VolumeError('busy', `All host workers are occupied (${waiting} calls wait or hang).`, {
    details: { op: 'open', retryAfterMs: 1000 },
    hint: 'Try again later; volumes whose storage hangs are named in the log.',
  });
