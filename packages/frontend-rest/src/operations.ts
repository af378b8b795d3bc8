import { randomUUID } from 'node:crypto';
import { isVolumeError, notFound, type Progress, VolumeError } from '@rexray/core';
import { type Problem, type RemoteOperation, toProblem } from '@rexray/rest-client';
import { asVolumeError } from './refusal.ts';

interface Running {
  readonly about: Pick<RemoteOperation, 'id' | 'op' | 'service' | 'volume' | 'requestId' | 'startedAt'>;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  readonly keep: boolean;
  state: RemoteOperation['state'];
  endedAt?: string;
  progress?: Progress;
  result?: unknown;
  problem?: Problem;
}

export interface Begin {
  readonly op: string;
  readonly service: string;
  readonly volume: string;
  readonly requestId: string;
  /** Chosen by the caller, so that it can cancel before it has heard anything. */
  readonly id?: string | undefined;
  /** Stays to be read after its end (asynchronous). */
  readonly keep: boolean;
  readonly run: (signal: AbortSignal, onProgress: (p: Progress) => void) => Promise<unknown>;
}
export interface Begun {
  readonly id: string;
  /** The verb's own outcome. */
  readonly result: Promise<unknown>;
  cancel(): void;
}

interface Look {
  /** Answers when it has ended, at the latest after so many ms. */
  readonly waitMs?: number;
  /** Whether the caller may see a service. */
  readonly sees?: (service: string) => boolean;
}
const everything = (): boolean => true;

/** The verbs that run, and those that ended and were asked for asynchronously: both bounded. */
export class Operations {
  readonly #all = new Map<string, Running>();
  readonly #o: { readonly maxConcurrent: number; readonly keepMs: number; readonly keepCount: number };
  #running = 0;
  #closed = false;

  constructor(o: { readonly maxConcurrent: number; readonly keepMs: number; readonly keepCount: number }) {
    this.#o = o;
  }

  get running(): number {
    return this.#running;
  }

  /** @throws VolumeError `unavailable` (too many, or closing), `invalid` (the id is taken) */
  begin(b: Begin): Begun {
    if (this.#closed) throw overload('The server is shutting down.');
    if (this.#running >= this.#o.maxConcurrent) throw overload(`${this.#running} verbs are running already.`);
    const id = b.id ?? randomUUID();
    if (this.#all.has(id))
      throw new VolumeError('invalid', `The operation id ${id} is taken.`, {
        details: { path: 'X-Operation-Id', value: id },
      });
    const controller = new AbortController();
    let running: Running | undefined;
    const onProgress = (p: Progress): void => {
      if (running !== undefined) running.progress = p;
    };
    const result = (async () => b.run(controller.signal, onProgress))();
    const ended = result.then(
      (r) => this.#end(running, { state: 'done', result: r }),
      (e: unknown) => {
        const error = asVolumeError(e, b.requestId);
        this.#end(running, {
          state: isVolumeError(error, 'canceled') ? 'canceled' : 'failed',
          problem: toProblem(error),
        });
      },
    );
    const { op, service, volume, requestId, keep } = b;
    const about = { id, op, service, volume, requestId, startedAt: new Date().toISOString() };
    running = { about, controller, ended, keep, state: 'running' };
    this.#running += 1;
    this.#all.set(id, running);
    return { id, result, cancel: () => this.#cancel(id) };
  }

  list(): RemoteOperation[] {
    this.#forgetOld();
    return [...this.#all.values()].map(view);
  }

  /** @throws VolumeError `not_found`: there is none, or none that the caller may see */
  async get(id: string, { waitMs = 0, sees = everything }: Look = {}): Promise<RemoteOperation> {
    this.#forgetOld();
    const it = this.#must(id, sees);
    if (waitMs > 0) await within(it.ended, waitMs);
    return view(it);
  }

  /** Answers when the verb has ended (rolled back, or done before it noticed), at the latest after `waitMs`. */
  async cancel(id: string, { waitMs = 0, sees = everything }: Look): Promise<RemoteOperation> {
    const it = this.#must(id, sees);
    this.#cancel(id);
    if (waitMs > 0) await within(it.ended, waitMs);
    return view(it);
  }

  cancelAll(): void {
    for (const id of this.#all.keys()) this.#cancel(id);
  }

  /** Begins nothing more; answers when all that runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all.values()].map((r) => r.ended));
  }

  #must(id: string, sees: (service: string) => boolean): Running {
    const it = this.#all.get(id);
    if (it !== undefined && sees(it.about.service)) return it;
    throw notFound('Operation', id.slice(0, 100));
  }

  #cancel(id: string): void {
    const it = this.#all.get(id);
    if (it?.state !== 'running') return;
    it.state = 'canceling';
    it.controller.abort();
  }

  #end(it: Running | undefined, with_: Pick<Running, 'state' | 'result' | 'problem'>): void {
    if (it === undefined) return;
    Object.assign(it, with_, { endedAt: new Date().toISOString() });
    this.#running -= 1;
    if (!it.keep) this.#all.delete(it.about.id);
    this.#forgetOld();
  }

  #forgetOld(): void {
    const ended = [...this.#all.values()].filter((r) => r.endedAt !== undefined);
    const oldest = new Date(Date.now() - this.#o.keepMs).toISOString();
    const surplus = ended.length - this.#o.keepCount;
    for (const [i, r] of ended.entries()) if (i < surplus || (r.endedAt ?? '') < oldest) this.#all.delete(r.about.id);
  }
}

const overload = (why: string): VolumeError =>
  new VolumeError('unavailable', why, { details: { retryAfterMs: 1000 }, hint: 'Try again a little later.' });

function view(r: Running): RemoteOperation {
  return {
    ...r.about,
    state: r.state,
    ...(r.endedAt !== undefined && { endedAt: r.endedAt }),
    ...(r.progress !== undefined && { progress: r.progress }),
    ...(r.result !== undefined && { result: r.result }),
    ...(r.problem !== undefined && { problem: r.problem }),
  };
}

async function within(p: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([p, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
