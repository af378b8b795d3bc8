import { VolumeError } from '@rexray/core';
import type { Here } from './here/index.ts';
import type { Io } from './io.ts';
import { announced, announcedNames } from './plugin/discover.ts';
import { pluginPlaces } from './plugin/places.ts';
import { nobodyThere, openPlugin } from './plugin/volumes.ts';
import { type Call, now, type Volumes } from './volumes.ts';

/** The volume drivers of one run, each opened once. */
export class Drivers {
  readonly #io: Io;
  readonly #open = new Map<string, Promise<Volumes>>();
  #here: Promise<Here | undefined> | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  /**
   * The driver of a name: a plugin that answers, else the daemon, else this process. Waits for it up to `waitMs`.
   * @throws VolumeError `not_found` with the names that exist, `unavailable` where it is announced and nobody answers
   */
  of(name: string, waitMs: number, call: Call): Promise<Volumes> {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const opening = this.#patiently(name, waitMs, call);
    this.#open.set(name, opening);
    // One that was not there may be there for the next line.
    opening.catch(() => this.#open.delete(name));
    return opening;
  }

  async #patiently(name: string, waitMs: number, call: Call): Promise<Volumes> {
    const until = now() + waitMs;
    for (let pause = 100; ; pause = Math.min(pause * 2, 2000)) {
      try {
        return await this.#find(name, call);
      } catch (e) {
        const passing = nobodyThere(e) || e instanceof UnknownDriver;
        const left = Math.min(until, call.deadline) - now();
        if (!passing || left <= 0 || call.stop.asked) throw e;
        await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
      }
    }
  }

  async #find(name: string, call: Call): Promise<Volumes> {
    let silent: unknown;
    const places = pluginPlaces(this.#io.env);
    for (const plugin of announced(name, places)) {
      try {
        return await openPlugin(plugin, call);
      } catch (e) {
        // A socket that a dead daemon left is no plugin; the locks make going on without it safe (S4).
        if (!nobodyThere(e)) throw e;
        silent ??= e;
      }
    }
    const here = await this.#openHere();
    const volumes = await here?.volumes(name, call);
    if (volumes !== undefined) return volumes;
    if (silent !== undefined) throw silent;
    throw new UnknownDriver(name, announcedNames(places), await here?.names(call));
  }

  /** The daemon or this process: everything that is not a plugin is loaded only now. */
  async #openHere(): Promise<Here | undefined> {
    this.#here ??= load().then((m) => m?.openHere(this.#io));
    try {
      return await this.#here;
    } catch (e) {
      this.#here = undefined;
      throw e;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((v) => v.then((x) => x.close()).catch(() => undefined)));
    await (await this.#here?.catch(() => undefined))?.close();
  }
}

class UnknownDriver extends VolumeError<'not_found'> {
  constructor(name: string, plugins: readonly string[], services: readonly string[] | undefined) {
    const said = (names: readonly string[]): string => names.join(', ') || 'none';
    const here =
      services === undefined
        ? 'this copy of dvdcli is alone and speaks to plugins only'
        : `modules and services of REX-Ray: ${said(services)}`;
    const near = [...plugins, ...(services ?? [])];
    const first =
      near.length > 0
        ? ''
        : `Start a plugin${services === undefined ? '' : ', or write libstorage.service into the configuration of REX-Ray'}. `;
    super('not_found', `There is no volume driver "${name}".`, {
      details: { what: 'volume driver', near },
      hint: `${first}Plugins: ${said(plugins)}; ${here}. --wait=30s waits for one that is being started.`,
    });
  }
}

/** Undefined in a copy of the single file that stands alone, and in a compiled binary. */
async function load(): Promise<typeof import('./here/index.ts') | undefined> {
  try {
    return await import('./here/index.ts');
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || process.versions.bun !== undefined)
      return undefined;
    throw e;
  }
}
