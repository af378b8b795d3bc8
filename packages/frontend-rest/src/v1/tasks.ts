import { notFound, VolumeError } from '@rexray/core';
import { asVolumeError } from '../refusal.ts';
import { errorOf } from './errors.ts';

/** A task as clients read it. Times are seconds since 1970. */
interface TaskView {
  readonly id: number;
  readonly user?: string;
  readonly queueTime: number;
  readonly startTime?: number;
  readonly completeTime?: number;
  readonly state: 'queued' | 'running' | 'success' | 'error';
  readonly result?: unknown;
  readonly error?: unknown;
}

interface Task {
  readonly id: number;
  readonly user: string;
  /** Services that it is about: who may not see one of them does not see the task. */
  readonly services: readonly string[];
  readonly at: number;
  readonly ended: Promise<void>;
  doneAt?: number;
  result?: unknown;
  error?: unknown;
}

/** Ended tasks that are kept at most, and tasks that run at most. */
const KEPT_MAX = 1000;
const RUNNING_MAX = 256;
const now = (): number => Math.floor(Date.now() / 1000);

/**
 * Work that goes on whether somebody waits or not. Ids grow and are never used again: they begin with the time of the
 * start, so that a client that outlives the server does not read another's task.
 */
export class Tasks {
  readonly #all = new Map<number, Task>();
  readonly #keepMs: number;
  #next = Date.now() * 1000;
  #running = 0;

  constructor(o: { readonly logTimeoutMs: number }) {
    this.#keepMs = o.logTimeoutMs;
  }

  /** @throws VolumeError `unavailable`: too many run */
  begin(
    about: Pick<Task, 'user' | 'services'>,
    requestId: string,
    act: () => Promise<unknown>,
  ): { id: number; ended: Promise<unknown> } {
    if (this.#running >= RUNNING_MAX)
      throw new VolumeError('unavailable', `${this.#running} tasks are running already.`, {
        details: { retryAfterMs: 1000 },
        hint: 'Try again a little later.',
      });
    this.#forgetOld();
    const id = this.#next++;
    this.#running += 1;
    const outcome = (async () => act())();
    const task: Task = {
      id,
      ...about,
      at: now(),
      ended: outcome.then(
        (result) => this.#end(task, { result }),
        (e: unknown) => this.#end(task, { error: errorOf(asVolumeError(e, requestId)) }),
      ),
    };
    this.#all.set(id, task);
    return { id, ended: outcome };
  }

  list(sees: (service: string) => boolean): Record<string, TaskView> {
    this.#forgetOld();
    const mine = [...this.#all.values()].filter((t) => t.services.every(sees));
    return Object.fromEntries(mine.map((t) => [String(t.id), view(t)]));
  }

  /** @throws VolumeError `not_found` */
  get(id: string, sees: (service: string) => boolean): TaskView {
    this.#forgetOld();
    const t = /^\d{1,16}$/.test(id) ? this.#all.get(Number(id)) : undefined;
    if (t?.services.every(sees) === true) return view(t);
    throw notFound('Task', id.slice(0, 100));
  }

  /** When all that run have ended. */
  async drain(): Promise<void> {
    await Promise.all([...this.#all.values()].map((t) => t.ended));
  }

  #end(t: Task, outcome: Pick<Task, 'result' | 'error'>): void {
    Object.assign(t, outcome, { doneAt: Date.now() });
    this.#running -= 1;
    this.#forgetOld();
  }

  #forgetOld(): void {
    const oldest = Date.now() - this.#keepMs;
    let surplus = this.#all.size - this.#running - KEPT_MAX;
    for (const t of this.#all.values()) {
      if (t.doneAt === undefined) continue;
      if (surplus <= 0 && t.doneAt >= oldest) break;
      this.#all.delete(t.id);
      surplus -= 1;
    }
  }
}

function view(t: Task): TaskView {
  const state = t.doneAt === undefined ? 'running' : t.error === undefined ? 'success' : 'error';
  return {
    id: t.id,
    ...(t.user !== '' && { user: t.user }),
    queueTime: t.at,
    startTime: t.at,
    ...(t.doneAt !== undefined && { completeTime: Math.floor(t.doneAt / 1000) }),
    state,
    ...(t.result !== undefined && { result: t.result }),
    ...(t.error !== undefined && { error: t.error }),
  };
}
