import { type Ctx, remaining, reviveError, VolumeError } from '@rexray/core';
import { isLate } from '../deadline.ts';
import type { Channel, Message, ObjectRef, Shape } from './protocol.ts';

/** What a call may take beyond its deadline before nobody waits for it any more: the far side should answer by then. */
const GRACE_MS = 300;
/** For methods without a context. */
const DEFAULT_MS = 10_000;

interface Waiting {
  readonly method: string;
  settle(m: Message | Error): void;
  progress?: Ctx['progress'];
}

const isCtx = (x: unknown): x is Ctx =>
  typeof x === 'object' && x !== null && 'deadline' in x && 'signal' in x && (x as Ctx).signal instanceof AbortSignal;

/** An error of the far side: ours revived, others as an Error with code and name. */
function revive(error: unknown): Error {
  const o = error as { raw?: boolean; message?: string; code?: unknown; name?: string };
  if (o.raw !== true) return reviveError(error);
  const e = new Error(o.message);
  return Object.assign(e, {
    ...(o.code !== undefined && { code: o.code }),
    ...(o.name !== undefined && { name: o.name }),
  });
}

/** The calling end: any number of calls at once, each with its deadline. */
export class RpcClient {
  /** The greeting. Rejects when the far side ends before it. */
  readonly ready: Promise<{ readonly root: ObjectRef; readonly facts?: unknown }>;
  /** A call passed its deadline without an answer: the far side hangs (S15). */
  onLate: (method: string) => void = () => {};
  readonly #channel: Channel;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.ready = new Promise((resolve, reject) => {
      channel.listen(
        (m) => (m.t === 'ready' ? resolve(m) : this.#receive(m)),
        () => {
          this.end();
          reject(ended('start'));
        },
      );
    });
    this.ready.catch(() => {});
  }

  /** Calls that are under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Nothing comes any more: all calls that wait end with `timeout`, their outcome unknown. */
  end(): void {
    this.#ended = true;
    for (const w of [...this.#waiting.values()]) w.settle(ended(w.method));
  }

  #receive(m: Message): void {
    if (!('id' in m)) return;
    const w = this.#waiting.get(m.id);
    if (m.t === 'progress') w?.progress?.(m.progress);
    else w?.settle(m);
  }

  /** The last argument may be a context. @returns plain data, or a reference to an object that stays there */
  call(object: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const last = args.at(-1);
    const ctx = isCtx(last) ? last : undefined;
    const id = this.#next++;
    if (this.#ended) return Promise.reject(ended(method));
    if (ctx?.signal.aborted) return Promise.reject(canceled(method));
    return new Promise((resolve, reject) => {
      const ms = ctx === undefined ? DEFAULT_MS : remaining(ctx);
      const timer = setTimeout(() => this.#late(id, method, ms), ms + GRACE_MS);
      const cancel = (): void => this.#channel.send({ t: 'cancel', id, late: ctx !== undefined && isLate(ctx) });
      const settle = (m: Message | Error): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        ctx?.signal.removeEventListener('abort', cancel);
        if (m instanceof Error) reject(m);
        else if (m.t === 'error') reject(revive(m.error));
        else resolve(m.t === 'object' ? m.ref : m.t === 'value' ? m.value : undefined);
      };
      this.#waiting.set(id, { method, settle, ...(ctx && { progress: (p) => ctx.progress(p) }) });
      ctx?.signal.addEventListener('abort', cancel, { once: true });
      const node = ctx?.node === undefined ? {} : { node: ctx.node };
      const wire = ctx && { ctx: { ms, requestId: ctx.requestId, ...node } };
      this.#channel.send({ t: 'call', id, object, method, args: ctx ? args.slice(0, -1) : args, ...wire });
    });
  }

  #late(id: number, method: string, ms: number): void {
    this.#waiting.get(id)?.settle(
      new VolumeError('timeout', `${method} did not answer within ${Math.round(ms)} ms.`, {
        details: { step: method, afterMs: Math.round(ms) },
        hint: 'Its outcome is unknown until the volume is looked at again; the storage behind it may hang.',
      }),
    );
    this.onLate(method);
  }

  /** The object of a reference, with the methods that it has. */
  object<T extends object>(ref: ObjectRef, shape: Shape): T {
    const methods: Record<string, unknown> = {};
    for (const name of ref.methods) {
      const kind = shape[name];
      if (kind === undefined) continue;
      const call = async (...args: unknown[]): Promise<unknown> => {
        const answer = await this.call(ref.object, name, args);
        return typeof kind === 'object' ? this.object(answer as ObjectRef, kind) : answer;
      };
      const [part = name, inner] = name.split('.');
      if (inner === undefined) methods[name] = call;
      else methods[part] = { ...(methods[part] as object | undefined), [inner]: call };
    }
    return methods as T;
  }
}

const canceled = (method: string): VolumeError<'canceled'> =>
  new VolumeError('canceled', `The caller went away before ${method}.`, {
    details: { step: method, rolledBack: true },
  });

const ended = (method: string): VolumeError<'timeout'> =>
  new VolumeError('timeout', `The worker process ended during ${method}.`, {
    details: { step: method },
    hint: 'Its outcome is unknown until the volume is looked at again.',
  });
