import { type Code, type Ctx, VolumeError } from '@rexray/core';

/** Verbs that a fault can be put on. */
export type FaultOp =
  | 'whoami'
  | 'identity'
  | 'list'
  | 'get'
  | 'find'
  | 'create'
  | 'remove'
  | 'attach'
  | 'detach'
  | 'mark'
  | 'expand'
  | 'modify'
  | 'capacity'
  | 'clone'
  | 'adopt'
  | 'owner'
  | 'requestRelease'
  | 'sweep'
  | 'snapshots.list'
  | 'snapshots.create'
  | 'snapshots.remove'
  | 'snapshots.restore';

export interface FaultOptions {
  /** How many calls it meets; default 1, `Infinity` = until cleared. */
  readonly times?: number;
  /**
   * `effect`: the verb is done, then its answer is lost. `half`: a verb that makes a volume leaves a half-made one of its
   * node (what a process killed in between leaves). Absent: nothing happened.
   */
  readonly after?: 'effect' | 'half';
}

interface Fault {
  readonly op: FaultOp | '*';
  readonly after: 'effect' | 'half' | undefined;
  left: number;
  readonly strike: (ctx: Ctx) => Promise<void>;
}

/** A hung call that can be let go. */
export interface Hang {
  release(): void;
}

/** Faults of one storage: what its verbs do wrong, for tests of what stands on top of them. */
export class Faults {
  #faults: Fault[] = [];

  /** The next calls of a verb fail with this code, or with this raw error. `*` meets every verb. */
  fail(op: FaultOp | '*', error: Code | Error, o: FaultOptions = {}): void {
    this.#add(op, o, async () => {
      throw typeof error === 'string'
        ? new VolumeError(error, `The memory storage was told to fail ${op} with ${error}.`, { details: {} as never })
        : error;
    });
  }

  /** The next calls of a verb do not answer until released; they end early when their signal is aborted, unless `deaf`. */
  hang(op: FaultOp | '*', o: FaultOptions & { readonly deaf?: boolean } = {}): Hang {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#add(op, { times: Number.POSITIVE_INFINITY, ...o }, (ctx) =>
      o.deaf === true ? released : untilAborted(released, ctx.signal),
    );
    return { release: () => release() };
  }

  /** The next calls of a verb take `ms` longer; default every call until cleared. */
  delay(op: FaultOp | '*', ms: number, o: FaultOptions = {}): void {
    this.#add(op, { times: Number.POSITIVE_INFINITY, ...o }, (ctx) => {
      let timer: NodeJS.Timeout | undefined;
      const waited = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      return untilAborted(waited, ctx.signal).finally(() => clearTimeout(timer));
    });
  }

  /** Forgets the faults of one verb, or all. What hangs already goes on hanging until released. */
  clear(op?: FaultOp | '*'): void {
    this.#faults = op === undefined ? [] : this.#faults.filter((f) => f.op !== op);
  }

  /** @internal Lets the faults of one phase of a call strike, in the order in which they were put on. */
  async meet(op: FaultOp, phase: 'before' | 'effect', ctx: Ctx): Promise<void> {
    for (const f of this.#due(op, phase === 'before' ? undefined : 'effect')) {
      f.left--;
      await f.strike(ctx);
    }
  }

  /** @internal The fault that leaves a half-made volume, if one is due. */
  half(op: FaultOp): ((ctx: Ctx) => Promise<void>) | undefined {
    const f = this.#due(op, 'half')[0];
    if (f === undefined) return undefined;
    f.left--;
    return f.strike;
  }

  #due(op: FaultOp, after: Fault['after']): Fault[] {
    return this.#faults.filter((f) => f.left > 0 && f.after === after && (f.op === op || f.op === '*'));
  }

  #add(op: FaultOp | '*', o: FaultOptions, strike: Fault['strike']): void {
    this.#faults = this.#faults.filter((f) => f.left > 0);
    this.#faults.push({ op, after: o.after, left: o.times ?? 1, strike });
  }
}

function untilAborted(p: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    p.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
