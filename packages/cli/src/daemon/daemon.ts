import { EventBus, type HostDriver, isVolumeError, type Logger, type NodeStore } from '@rexray/core';
import { EVENT_NAMES } from '@rexray/rest-client';
import type { EffectiveConfig, LogLevel } from '@rexray/runtime/config';
import { hostSettings, openHost, openStore } from '@rexray/runtime/daemon';
import type { GlobalFlags } from '../context.ts';
import type { Io } from '../io.ts';
import { cleaned, Redactor } from '../redact.ts';
import { configOptions } from '../session.ts';
import { colours } from '../terminal/style.ts';
import { type Foundation, type Generation, openGeneration } from './generation.ts';
import { LiveServices } from './live-services.ts';
import { type DaemonLog, daemonLog } from './log.ts';
import { type ModulePlan, modulePlans } from './module-plans.ts';
import { Modules } from './modules.ts';
import { notifier } from './notify.ts';
import { removePid, writePid } from './pid-file.ts';
import { preflight } from './preflight.ts';
import { Role } from './role.ts';
import { Watching } from './watching.ts';

export interface DaemonOptions {
  readonly io: Io;
  readonly flags: GlobalFlags;
  /** Default: it is written. */
  readonly pidFile?: boolean;
}

/** How long calls that run may go on after the first SIGTERM, in ms; then they are canceled and roll back. */
const DRAIN_MS = 30_000;
/** How long a roll-back may take, and how long a second SIGTERM leaves for it, in ms. */
const ROLL_BACK_MS = 10_000;
const QUICK_MS = 2_000;

/** Serves until it is told to end. @returns the exit status. @throws VolumeError why it cannot start */
export async function startDaemon(o: DaemonOptions): Promise<number> {
  const signals = new Signals();
  const daemon = new Daemon(o);
  try {
    await daemon.start();
    for (;;) {
      const signal = await signals.next();
      if (signal !== 'SIGHUP') break;
      await daemon.reload();
    }
    await daemon.stop(signals);
    return 0;
  } catch (e) {
    await daemon.discard();
    throw daemon.clean(e);
  } finally {
    signals.dispose();
    daemon.flush();
    // What hangs in the kernel must not keep a daemon that has ended.
    setTimeout(() => process.exit(), QUICK_MS).unref();
  }
}

const HEARD = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
type Heard = (typeof HEARD)[number];

/** Signals in their order; several SIGHUP that wait are one. */
class Signals {
  readonly #queue: Heard[] = [];
  #wake: (() => void) | undefined;
  readonly #listener = (s: Heard): void => {
    if (s !== 'SIGHUP' || !this.#queue.includes(s)) this.#queue.push(s);
    this.#wake?.();
  };

  constructor() {
    for (const s of HEARD) process.on(s, this.#listener);
  }

  async next(): Promise<Heard> {
    for (;;) {
      // To end comes before everything else.
      const at = Math.max(
        0,
        this.#queue.findIndex((s) => s !== 'SIGHUP'),
      );
      const [signal] = this.#queue.splice(at, 1);
      if (signal !== undefined) return signal;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next signal that asks to end. */
  async again(): Promise<void> {
    while ((await this.next()) === 'SIGHUP');
  }

  dispose(): void {
    for (const s of HEARD) process.off(s, this.#listener);
  }
}

class Daemon {
  readonly #o: DaemonOptions;
  readonly #redactor = new Redactor();
  readonly #events = new EventBus();
  readonly #live = new LiveServices(this.#redactor);
  readonly #log: DaemonLog;
  readonly #modules: Modules;
  readonly #tell: (...assignments: readonly string[]) => Promise<void>;
  readonly #watching: Watching;
  #host: HostDriver | undefined;
  #store: NodeStore | undefined;
  #generation: Generation | undefined;
  #plans: readonly ModulePlan[] = [];
  #ending = false;
  readonly #role = new Role(() => this.#logger);
  #runDir: string | undefined;

  constructor(o: DaemonOptions) {
    this.#o = o;
    this.#log = daemonLog({
      redactor: this.#redactor,
      level: 'info',
      tty: o.io.tty,
      ...(o.io.tty && { write: (line) => o.io.out(line), colours: colours(o.io, 'out') }),
    });
    this.#watching = new Watching(this.#logger);
    this.#tell = notifier(o.io.env, this.#logger);
    this.#modules = new Modules({
      services: this.#live.record,
      events: this.#events,
      logger: this.#logger,
      redactor: this.#redactor,
      defaultService: (plan) => plan.service ?? this.#generation?.config.defaultService,
    });
  }

  get #logger(): Logger {
    return this.#log.logger;
  }

  clean(e: unknown): unknown {
    return cleaned(e, this.#redactor);
  }

  flush(): void {
    this.#log.flush();
  }

  #load(): Promise<EffectiveConfig> {
    return this.#role.load(configOptions(this.#o.flags, this.#o.io, 'rexray.agent'));
  }

  async start(): Promise<void> {
    const config = await this.#load();
    this.#log.setLevel(levelOf(config));
    preflight(config.paths);
    // A journal keeps the lines already, and a person at a terminal reads them.
    if (!this.#o.io.tty && !this.#o.io.env.JOURNAL_STREAM) this.#log.keepIn(config.paths.log);
    const plans = modulePlans(config, (m) => this.#logger.warn({}, m));
    const ready = await this.#modules.prepare(config, plans);
    if (process.geteuid?.() !== 0)
      this.#logger.warn({ uid: process.geteuid?.() }, 'not root: only volumes that are directories can be mounted');
    this.#host = await openHost(config, 'worker', this.#logger);
    this.#store = await openStore(config, this.#logger);
    const generation = await openGeneration(config, this.#foundation());
    this.#adopt(generation);
    await this.#modules.become(plans, ready, config.moduleStartTimeoutMs);
    this.#plans = plans;
    this.#watching.start(() => openHost(config, 'in-process', this.#logger));
    if (this.#o.pidFile !== false) writePid(config.paths.run);
    this.#runDir = config.paths.run;
    await this.#tell('READY=1', `STATUS=${this.#about()}`);
    this.#logger.info(
      { pid: process.pid, services: generation.rex.services, addresses: this.#modules.addresses },
      'rexray is ready',
    );
  }

  #about(): string {
    return `serving ${Object.keys(this.#live.record).join(', ') || 'no service'}`;
  }

  #foundation(): Foundation {
    const { host, store } = { host: this.#host, store: this.#store };
    if (host === undefined || store === undefined) throw new Error('the host and the state are opened first');
    return { host, store, logger: this.#logger, redactor: this.#redactor, ending: () => this.#ending };
  }

  #adopt(g: Generation): void {
    for (const name of EVENT_NAMES)
      g.rex.events.on(name, (x) => this.#events.emit(name, this.#redactor.clean(x) as never));
    this.#generation = g;
    this.#live.set(
      g.rex.services.map((name) => g.rex.service(name).integration),
      g.inFlight,
    );
  }

  /** Reads the configuration again. What cannot be applied changes nothing, and is said once. */
  async reload(): Promise<void> {
    const old = this.#generation;
    if (old === undefined) return;
    await this.#tell('RELOADING=1', 'STATUS=reading the configuration again');
    let next: Generation | undefined;
    try {
      const config = await this.#load();
      const plans = modulePlans(config, (m) => this.#logger.warn({}, m));
      const ready = await this.#modules.prepare(config, plans);
      next = await openGeneration(config, this.#foundation());
      this.#adopt(next);
      await this.#become(plans, ready, config, old);
      this.#log.setLevel(levelOf(config));
      this.#warnOfFixed(old.config, config);
      this.#logger.info(
        { services: next.rex.services, addresses: this.#modules.addresses },
        'the configuration was read again',
      );
      void this.#retire(old);
    } catch (e) {
      if (next !== undefined) {
        this.#adopt(old);
        void this.#retire(next);
      }
      const err = isVolumeError(e) ? e.text : String((e as Error)?.stack ?? e);
      this.#logger.error({ err }, 'the configuration was not applied: what was configured before stays in force');
    }
    await this.#tell('READY=1', `STATUS=${this.#about()}`);
  }

  async #become(
    plans: readonly ModulePlan[],
    ready: Awaited<ReturnType<Modules['prepare']>>,
    config: EffectiveConfig,
    old: Generation,
  ): Promise<void> {
    try {
      await this.#modules.become(plans, ready, config.moduleStartTimeoutMs);
      this.#plans = plans;
    } catch (e) {
      const before = await this.#modules.prepare(old.config, this.#plans);
      await this.#modules.become(this.#plans, before, old.config.moduleStartTimeoutMs);
      throw e;
    }
  }

  /** Host and state are opened once. */
  #warnOfFixed(old: EffectiveConfig, now: EffectiveConfig): void {
    const fixed = (c: EffectiveConfig): string => JSON.stringify([hostSettings(c), c.paths]);
    if (fixed(old) !== fixed(now))
      this.#logger.warn(
        {},
        'directories, rexray.node.* and rexray.allowRoots are read at the start only: restart the daemon to apply them',
      );
  }

  /** What runs through it may end; its mounts are the next one's. */
  async #retire(g: Generation): Promise<void> {
    await g.inFlight.ended(10 * 60_000);
    await g.rex
      .close()
      .catch((e: unknown) => this.#logger.warn({ err: String(e) }, 'an old configuration did not close'));
  }

  /** Takes nothing new, lets what runs end, unmounts nothing. A second signal cancels what runs. */
  async stop(signals: Signals): Promise<void> {
    this.#ending = true;
    const running = this.#generation?.inFlight.running ?? 0;
    this.#logger.info({ running }, 'rexray ends; what is mounted stays mounted');
    const drained = this.#modules.close();
    void this.#tell('STOPPING=1', 'STATUS=waiting for calls that run');
    const quick = signals.again();
    const inTime = await within(Promise.race([drained, quick.then(() => 'quick' as const)]), DRAIN_MS);
    if (inTime === 'quick' || inTime === 'late') {
      this.#logger.warn({}, 'calls that still run are canceled');
      this.#modules.abort();
      await within(
        Promise.race([drained, inTime === 'quick' ? new Promise(() => {}) : quick]),
        inTime === 'quick' ? QUICK_MS : ROLL_BACK_MS,
      );
    }
    await this.discard();
    this.#logger.info({}, 'rexray has ended');
  }

  /** Closes what is open, without waiting for what hangs. */
  async discard(): Promise<void> {
    if (this.#runDir !== undefined) removePid(this.#runDir);
    this.#modules.abort();
    await within(this.#modules.close(), QUICK_MS);
    // The claims are left to a process of their own, which needs the lock that this one holds.
    await within(this.#watching.stop(), QUICK_MS);
    if (this.#generation !== undefined) await within(this.#generation.rex.close(), ROLL_BACK_MS);
    if (this.#host !== undefined) await within(this.#host.close(), QUICK_MS + 1_000);
    if (this.#store !== undefined) await within(this.#store.close(), QUICK_MS);
    this.#host = undefined;
    this.#store = undefined;
  }
}

async function within<T>(p: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  return Promise.race([p.catch(() => undefined as T), late]).finally(() => clearTimeout(timer));
}

/** A daemon tells what it does, unless it was told what to tell. */
function levelOf(config: EffectiveConfig): LogLevel {
  const written = ['rexray.logLevel', 'libstorage.logging.level'].some(
    (key) => !['default', 'unset'].includes(config.origin(key).source),
  );
  return written ? config.logLevel : 'info';
}
