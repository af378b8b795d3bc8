import type { Ctx, HostDriver, HostFacts, HostSession, Logger, MountEntry, ProcessIdentity } from '@rexray/core';
import { isVolumeError, VolumeError } from '@rexray/core';
import { checkOptions } from './ask.ts';
import type { HostConfig } from './config.ts';
import { hostFacts } from './facts.ts';
import { lockDirOf, mountsBelow } from './host.ts';
import { noteStuck } from './lock.ts';
import { identify } from './proc/processes.ts';
import { type PoolOptions, WorkerPool } from './worker/pool.ts';
import { SESSION_METHODS } from './worker/shape.ts';
import type { Worker } from './worker/worker.ts';

/**
 * The Linux host behind worker processes: a verb that passes its deadline costs the worker that hangs in it, never this
 * process (S15). The worker is given up with the volume's lock in its hands, so that everybody is told at once what is stuck.
 */
export class WorkerHost implements HostDriver {
  readonly #config: HostConfig;
  readonly #logger: Logger;
  readonly #pool: WorkerPool;

  constructor(config: HostConfig, logger: Logger, o: PoolOptions = {}) {
    this.#config = config;
    this.#logger = logger;
    this.#pool = new WorkerPool(config, o);
  }

  /** Pids of the workers, for operators. */
  get workers(): readonly number[] {
    return this.#pool.pids;
  }

  async facts(_ctx: Ctx): Promise<HostFacts> {
    return hostFacts(this.#config, this.#logger);
  }
  async mounts(below: string, _ctx: Ctx): Promise<readonly MountEntry[]> {
    return mountsBelow(below);
  }
  readonly checkOptions = checkOptions;
  async identify(pid: number, _ctx: Ctx): Promise<ProcessIdentity | undefined> {
    return identify(pid);
  }

  async open(key: string, ctx: Ctx): Promise<HostSession> {
    const worker = await this.#pool.take(ctx);
    try {
      worker.client.onLate = (method) => this.#giveUp(worker, key, method);
      const session = await (await worker.host()).open(key, ctx);
      return this.#session(worker, key, session);
    } catch (e) {
      this.#pool.give(worker);
      throw e;
    }
  }

  /** The session of a worker, which goes back to the pool with it. */
  #session(worker: Worker, key: string, remote: HostSession): HostSession {
    let released: Promise<void> | undefined;
    let late = false;
    const release = async (): Promise<void> => {
      if (worker.gone) return; // the lock is the worker's to keep
      await remote.release().catch((e: unknown) => {
        if (!worker.gone) throw e;
      });
      if (late) this.#pool.retire(worker);
      else this.#pool.give(worker);
    };
    const session: Record<string, unknown> = {};
    for (const method of SESSION_METHODS) {
      const call = remote[method] as (...args: unknown[]) => Promise<unknown>;
      session[method] = async (...args: unknown[]): Promise<unknown> => {
        if (released !== undefined || worker.gone) throw over(key, method, worker);
        try {
          return await call(...args);
        } catch (e) {
          late ||= isVolumeError(e, 'timeout');
          throw e;
        }
      };
    }
    session.release = (): Promise<void> => {
      released ??= release();
      return released;
    };
    return session as unknown as HostSession;
  }

  #giveUp(worker: Worker, key: string, method: string): void {
    if (worker.gone) return;
    const { pid } = worker;
    this.#logger.error(
      { volume: key, op: method, pid },
      'A host worker hangs; it is given up and the volume stays locked.',
    );
    this.#pool.abandon(worker);
    try {
      noteStuck(lockDirOf(this.#config), { key, pid, op: method, since: new Date().toISOString() });
    } catch (e) {
      this.#logger.warn({ err: e }, 'What is stuck could not be noted for others.');
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

const over = (key: string, method: string, worker: Worker): VolumeError =>
  worker.gone
    ? new VolumeError('busy', `"${key}": an earlier call hangs (pid ${worker.pid}); ${method} was not tried.`, {
        details: { op: method, pid: worker.pid, retryAfterMs: 10_000 },
        hint: `The volume stays locked until pid ${worker.pid} ends.`,
      })
    : new VolumeError('internal', `${method}: this session has ended and has no lock any more.`, {
        details: { step: method },
      });
