import { type Ctx, type HostDriver, type HostSession, isVolumeError, type Logger } from '@rexray/core';
import { WATCH_LOCK } from '@rexray/runtime/daemon';

/** How long the lock is asked for, and when it is asked for again, in ms. */
const ASK_MS = 100;
const AGAIN_MS = 10_000;

/**
 * Holds the lock of the one process of a node that looks after claims (S11), so that none is started beside the daemon.
 * Where one runs already it goes on until its mounts end: to look twice does no harm.
 */
export class Watching {
  readonly #logger: Logger;
  #host: HostDriver | undefined;
  #session: HostSession | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #asking: Promise<void> = Promise.resolve();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param open a host of this very process: the lock must end with it */
  start(open: () => Promise<HostDriver>): void {
    this.#asking = open().then(async (host) => {
      this.#host = host;
      await this.#ask(host);
    });
    this.#asking.catch((e: unknown) => this.#logger.warn({ err: String(e) }, 'the lock of the watcher cannot be had'));
  }

  async #ask(host: HostDriver): Promise<void> {
    try {
      const session = await host.open(WATCH_LOCK, shortCtx());
      if (this.#stopped) await session.release();
      else this.#session = session;
    } catch (e) {
      if (!isVolumeError(e, 'busy', 'timeout', 'canceled')) throw e;
      if (this.#stopped) return;
      this.#timer = setTimeout(() => {
        this.#asking = this.#ask(host).catch(() => {});
      }, AGAIN_MS);
      this.#timer.unref();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#asking.catch(() => {});
    await this.#session?.release();
    this.#session = undefined;
    await this.#host?.close();
    this.#host = undefined;
  }
}

const shortCtx = (): Ctx => ({
  signal: AbortSignal.timeout(ASK_MS + 1_000),
  deadline: performance.now() + ASK_MS,
  requestId: 'watch',
  progress: () => {},
});
