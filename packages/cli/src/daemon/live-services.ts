import { type Integration, OPS, type StoragePlane, VolumeError } from '@rexray/core';
import { cleaned, type Redactor } from '../redact.ts';

/** Calls that run through one configuration; it is closed when they have ended. */
export class InFlight {
  #running = 0;
  #waiting: (() => void)[] = [];

  get running(): number {
    return this.#running;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await act();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) for (const w of this.#waiting.splice(0)) w();
    }
  }

  /** When nothing runs any more, at the latest after `ms`. */
  async ended(ms: number): Promise<boolean> {
    if (this.#running === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const done = new Promise<true>((resolve) => this.#waiting.push(() => resolve(true)));
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  }
}

interface Current {
  readonly integration: Integration;
  readonly inFlight: InFlight;
}

/**
 * The services as front ends hold them: the same objects for as long as the daemon lives, each over what the present
 * configuration says. A call that has begun ends where it began.
 */
export class LiveServices {
  readonly record: Record<string, Integration> = {};
  readonly #current = new Map<string, Current>();
  readonly #redactor: Redactor;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** From now on these, and no others. */
  set(services: readonly Integration[], inFlight: InFlight): void {
    const names = new Set(services.map((s) => s.service));
    for (const gone of Object.keys(this.record).filter((n) => !names.has(n))) {
      delete this.record[gone];
      this.#current.delete(gone);
    }
    for (const integration of services) {
      this.#current.set(integration.service, { integration, inFlight });
      this.record[integration.service] ??= this.#forwarding(integration.service);
    }
  }

  #now(name: string): Current {
    const it = this.#current.get(name);
    if (it !== undefined) return it;
    throw new VolumeError('not_found', `Service "${name}" is not configured any more.`, {
      details: { what: 'service', near: [...this.#current.keys()] },
    });
  }

  #forwarding(name: string): Integration {
    const out: Record<string, unknown> = { service: name };
    for (const key of ['driver', 'traits', 'can', 'paramsSchema'] as const)
      Object.defineProperty(out, key, { get: () => this.#now(name).integration[key], enumerable: true });
    out.storage = {
      call: async (...args: Parameters<StoragePlane['call']>): Promise<unknown> => {
        const { integration, inFlight } = this.#now(name);
        try {
          if (integration.storage === undefined) throw new Error(`service "${name}" has no storage of its own`);
          return await inFlight.run(() => (integration.storage as StoragePlane).call(...args));
        } catch (e) {
          throw cleaned(e, this.#redactor);
        }
      },
    } satisfies StoragePlane;
    Object.defineProperty(out, 'legacy', { get: () => this.#now(name).integration.legacy, enumerable: true });
    for (const op of OPS) {
      const [part = '', verb] = op.split('.');
      const call = async (...args: unknown[]): Promise<unknown> => {
        const { integration, inFlight } = this.#now(name);
        const group = (integration as unknown as Record<string, unknown>)[part];
        const fn = verb === undefined ? group : (group as Record<string, unknown>)[verb];
        const self = verb === undefined ? integration : group;
        try {
          return await inFlight.run(() => (fn as (...a: unknown[]) => Promise<unknown>).apply(self, args));
        } catch (e) {
          throw cleaned(e, this.#redactor);
        }
      };
      if (verb === undefined) out[part] = call;
      else out[part] = { ...(out[part] as object | undefined), [verb]: call };
    }
    return out as unknown as Integration;
  }
}
