import { type FrontendContext, isVolumeError, type Logger, type RunningFrontend, VolumeError } from '@rexray/core';
import type { EffectiveConfig } from '@rexray/runtime/config';
import { loadFrontend } from '@rexray/runtime/daemon';
import type { Redactor } from '../redact.ts';
import { type ModulePlan, settingsOf } from './module-plans.ts';

interface Running {
  readonly plan: ModulePlan;
  readonly frontend: RunningFrontend;
  readonly abort: AbortController;
}
/** A module whose front end is loaded and whose settings are checked. */
interface Ready {
  readonly plan: ModulePlan;
  start(signal: AbortSignal): Promise<RunningFrontend>;
}

export interface ModulesContext extends Pick<FrontendContext, 'services' | 'events'> {
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** The default service of a module, as it is when it is asked for. */
  defaultService(plan: ModulePlan): string | undefined;
}

/** The front ends that run, by the names of their modules. */
export class Modules {
  readonly #context: ModulesContext;
  readonly #running = new Map<string, Running>();
  /** Those that run and those that are being closed. */
  readonly #alive = new Set<Running>();

  constructor(context: ModulesContext) {
    this.#context = context;
  }

  get addresses(): readonly string[] {
    return [...this.#running.values()].flatMap((r) => r.frontend.addresses);
  }

  /** Loads what the plans need and checks their settings; starts nothing. @throws VolumeError of the first that cannot be */
  async prepare(config: EffectiveConfig, plans: readonly ModulePlan[]): Promise<readonly Ready[]> {
    return Promise.all(plans.filter((p) => !this.#same(p)).map((p) => this.#load(config, p)));
  }

  /**
   * Makes what runs be the plans: what did not change goes on, what is not wanted any more ends when its calls have.
   * When one cannot start, those that ran before run again.
   */
  async become(plans: readonly ModulePlan[], ready: readonly Ready[], within: number): Promise<void> {
    const wanted = new Set(plans.map((p) => p.name));
    const changed = [...this.#running.values()].filter(
      (r) => !wanted.has(r.plan.name) || !this.#same(planOf(plans, r)),
    );
    await Promise.all(changed.map((r) => this.#end(r)));
    const begun: Running[] = [];
    try {
      for (const r of ready) begun.push(await this.#begin(r, within));
    } catch (e) {
      await Promise.all(begun.map((r) => this.#end(r)));
      throw e;
    }
  }

  #same(plan: ModulePlan | undefined): boolean {
    const running = plan === undefined ? undefined : this.#running.get(plan.name);
    return running !== undefined && JSON.stringify(running.plan) === JSON.stringify(plan);
  }

  async #load(config: EffectiveConfig, plan: ModulePlan): Promise<Ready> {
    const { logger, services, events } = this.#context;
    const own = named(logger, plan.name);
    const loaded = await loadFrontend(config, plan, own);
    const settings = settingsOf(plan, loaded.config);
    this.#context.redactor.learn([loaded.config['~standard'].jsonSchema.input()], settings);
    const frontend = loaded.create(settings);
    const context = this.#context;
    return {
      plan,
      start: (signal) =>
        frontend.start({
          services,
          get defaultService() {
            return context.defaultService(plan);
          },
          events,
          logger: own,
          signal,
        }),
    };
  }

  async #begin(ready: Ready, within: number): Promise<Running> {
    const { plan } = ready;
    const abort = new AbortController();
    const starting = ready.start(abort.signal);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        abort.abort();
        starting.then((f) => f.close()).catch(() => {});
        reject(
          new VolumeError('timeout', `Module "${plan.name}" (${plan.type}) did not start within ${within} ms.`, {
            details: { afterMs: within, step: 'start' },
            hint: 'rexray.module.startTimeout says how long it may take.',
          }),
        );
      }, within);
    });
    try {
      const frontend = await Promise.race([starting, late]);
      const running = { plan, frontend, abort };
      this.#running.set(plan.name, running);
      this.#alive.add(running);
      return running;
    } catch (e) {
      throw isVolumeError(e)
        ? e
        : new VolumeError('unavailable', `Module "${plan.name}" (${plan.type}) could not be started: ${String(e)}`, {
            details: {},
            cause: e,
          });
    } finally {
      clearTimeout(timer);
    }
  }

  async #end(r: Running): Promise<void> {
    this.#running.delete(r.plan.name);
    await r.frontend
      .close()
      .catch((e: unknown) =>
        this.#context.logger.warn({ module: r.plan.name, err: String(e) }, 'a module did not end well'),
      );
    this.#alive.delete(r);
  }

  /** Takes nothing new; answers when what runs has ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((r) => this.#end(r)));
  }

  /** Cancels what runs, also in modules that are being closed: it rolls back and answers its callers. */
  abort(): void {
    for (const r of this.#alive) r.abort.abort();
  }
}

const planOf = (plans: readonly ModulePlan[], r: Running): ModulePlan | undefined =>
  plans.find((p) => p.name === r.plan.name);

const named = (logger: Logger, module: string): Logger => {
  const add =
    (level: keyof Logger) =>
    (fields: object, message: string): void =>
      logger[level]({ module, ...fields }, message);
  return { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') };
};
