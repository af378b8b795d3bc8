import { type Ctx, type Logger, type StorageDriver, type Traits, VolumeError } from '@rexray/core';
import { DriverProcess, SILENT_MS } from './process.ts';
import { DRIVER_SHAPE, type DriverStart } from './shape.ts';

/** What the first call of a new process may take, in ms: it asks whether the storage answers again. */
const PROBE_MS = 5_000;
/** A process that nobody uses ends after this, in ms. */
const IDLE_MS = 60_000;

interface Stuck {
  readonly op: string;
  readonly pid: number;
  readonly since: string;
}

/**
 * A storage driver in a process of its own: what hangs there costs that process, and this one goes on (S15). While a call
 * hangs, others are answered `busy` at once; a process that stays silent is killed, and the next one begins only when the
 * last has really ended, since what it hangs in may still happen.
 */
export class WorkerDriver {
  readonly #start: DriverStart;
  readonly #logger: Logger;
  /** Made here and never asked anything: which verbs it has, and its traits until the process tells them. */
  readonly #like: StorageDriver;
  #traits: Traits;
  #process: DriverProcess | undefined;
  #opening: Promise<DriverProcess> | undefined;
  #given: DriverProcess | undefined;
  #stuck: Stuck | undefined;
  #idle: NodeJS.Timeout | undefined;
  #watching: NodeJS.Timeout | undefined;
  #running = 0;
  /** First words to every new process: who we are, and which place we know. */
  #whoami: unknown[] | undefined;
  #identity: unknown[] | undefined;
  #closed = false;

  constructor(start: DriverStart, like: StorageDriver, logger: Logger) {
    this.#start = start;
    this.#like = like;
    this.#traits = like.traits;
    this.#logger = logger;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The driver as others see it. */
  driver(): StorageDriver {
    const out: Record<string, unknown> = { close: () => this.close() };
    Object.defineProperty(out, 'traits', { get: () => this.#traits, enumerable: true });
    const like = this.#like as unknown as Record<string, unknown>;
    for (const op of Object.keys(DRIVER_SHAPE)) {
      const [part = '', verb] = op.split('.');
      const group = like[part] as Record<string, unknown> | undefined;
      if (typeof (verb === undefined ? group : group?.[verb]) !== 'function') continue;
      const call = (...all: unknown[]): Promise<unknown> => this.#call(op, all.slice(0, -1), all.at(-1) as Ctx);
      if (verb === undefined) out[op] = call;
      else out[part] = { ...(out[part] as object | undefined), [verb]: call };
    }
    return out as unknown as StorageDriver;
  }

  async #call(op: string, args: readonly unknown[], ctx: Ctx): Promise<unknown> {
    if (this.#closed) throw new VolumeError('unavailable', `${this.#name} was closed.`, { details: {} });
    const hangs = this.#hangs();
    if (hangs !== undefined) throw this.#busy(hangs);
    this.#running += 1;
    clearTimeout(this.#idle);
    try {
      const answer = await (await this.#open(op)).call(op, args, ctx);
      return this.#learn(op, args, answer);
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#rest();
    }
  }

  #learn(op: string, args: readonly unknown[], answer: unknown): unknown {
    if (op === 'identity') this.#identity = [{ expected: answer }];
    if (op !== 'whoami') return answer;
    const { node, traits } = answer as { node: string; traits: Traits };
    this.#whoami = [...args];
    this.#traits = traits;
    return node;
  }

  get #name(): string {
    return `The driver of service "${this.#start.service}"`;
  }

  /** Why nothing is tried now; undefined: it may be. */
  #hangs(): Stuck | undefined {
    const call = this.#process?.stuckIn();
    if (this.#process !== undefined && call !== undefined)
      this.#stuck ??= { op: call.op, pid: this.#process.pid, since: ago(call.since) };
    else if (this.#given === undefined || this.#given.ended) this.#stuck = undefined;
    return this.#stuck;
  }

  #busy({ op, pid, since }: Stuck): VolumeError<'busy'> {
    return new VolumeError(
      'busy',
      `${this.#name} hangs in ${op} since ${since} (pid ${pid}); nothing else was tried.`,
      {
        details: { op, pid, since, retryAfterMs: 5_000 },
        hint: `The storage behind it does not answer: see /proc/${pid}/stack. It is tried again when that call has ended.`,
      },
    );
  }

  #open(op: string): Promise<DriverProcess> {
    if (this.#process !== undefined && !this.#process.ended) return Promise.resolve(this.#process);
    this.#opening ??= this.#begin(op).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** A new process is told what the last one knew, which also asks whether the storage answers. */
  async #begin(op: string): Promise<DriverProcess> {
    const process = new DriverProcess(this.#start, this.#logger);
    this.#process = process;
    this.#watch();
    const probe = async (verb: string, args: unknown[] | undefined): Promise<void> => {
      if (args === undefined || verb === op) return;
      this.#learn(verb, args, await process.call(verb, args, shortCtx()));
    };
    try {
      await probe('whoami', this.#whoami);
      if (op !== 'whoami') await probe('identity', this.#identity);
      return process;
    } catch (e) {
      if (process.stuckIn() === undefined) process.kill();
      throw e;
    }
  }

  /** Looks at a process that has calls under way: silence beyond the deadline of one means that it hangs. */
  #watch(): void {
    this.#watching ??= setInterval(() => {
      const process = this.#process;
      const call = process?.stuckIn();
      if (process === undefined || process.ended) {
        clearInterval(this.#watching);
        this.#watching = undefined;
      } else if (call !== undefined && performance.now() - call.since > SILENT_MS) this.#giveUp(process, call.op);
    }, 500);
    this.#watching.unref();
  }

  #giveUp(process: DriverProcess, op: string): void {
    const stuck = this.#hangs();
    this.#logger.error(
      { service: this.#start.service, op, pid: process.pid, since: stuck?.since },
      'the process of the driver hangs and is killed; the service answers busy until it has ended',
    );
    process.kill();
    this.#given = process;
    this.#process = undefined;
  }

  /** Nobody uses it: its memory is worth more than the start of another. */
  #rest(): void {
    this.#idle = setTimeout(() => {
      const process = this.#process;
      this.#process = undefined;
      void process?.stop();
    }, IDLE_MS);
    this.#idle.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    clearInterval(this.#watching);
    await this.#process?.stop();
  }
}

const shortCtx = (): Ctx => ({
  signal: AbortSignal.timeout(PROBE_MS),
  deadline: performance.now() + PROBE_MS,
  requestId: 'open',
  progress: () => {},
});

const ago = (since: number): string => new Date(Date.now() - (performance.now() - since)).toISOString();
