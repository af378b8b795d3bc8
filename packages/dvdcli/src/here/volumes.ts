import { type Integration, isVolumeError, type Volume } from '@rexray/core';
import { OPTIONS, type OptionPair, parseOptions, type StringOptions } from '@rexray/core/options';
import { type Call, type Found, HOLDER, remaining, type Volumes } from '../volumes.ts';

/** The daemon, or a runtime in this process. */
export interface Backend {
  readonly where: string;
  readonly services: readonly string[];
  readonly defaultService: string | undefined;
  integration(service: string): Promise<Integration>;
  close(): Promise<void>;
}

interface Surroundings {
  readonly backend: Backend;
  /** Every unmount gives back exactly one mount: `ignoreUsedCount` is known to be off. */
  readonly counted: boolean;
  warn(text: string): void;
}

const RULE = 'libstorage.integration.volume.operations';

/** A service's volumes, as the commands need them. */
export class IntegrationVolumes implements Volumes {
  readonly where: string;
  readonly #volumes: Integration;
  readonly #around: Surroundings;

  constructor(volumes: Integration, around: Surroundings) {
    this.#volumes = volumes;
    this.#around = around;
    this.where = `service "${volumes.service}" of ${around.backend.where}`;
  }

  async get(name: string, call: Call): Promise<Found> {
    return found(await this.#volumes.get(name, options(call)));
  }

  async list(call: Call): Promise<readonly Found[]> {
    const all: Found[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#volumes.list({ ...options(call), ...(cursor !== undefined && { cursor }) });
      if (page.partial !== undefined) this.#around.warn(`the list is not whole: ${page.partial}`);
      // What is not ours cannot be mounted by its name.
      all.push(...page.items.filter((v) => v.state !== 'foreign').map(found));
      cursor = page.next;
    } while (cursor !== undefined);
    return all;
  }

  async create(name: string, pairs: readonly OptionPair[], call: Call): Promise<void> {
    await this.#unlessDisabled('create', async () => {
      const volume = await this.#volumes.create(name, { ...createOptions(pairs, this.#volumes), ...options(call) });
      this.#say(name, volume.notes);
    });
  }

  async remove(name: string, call: Call): Promise<void> {
    await this.#unlessDisabled('remove', () => this.#volumes.remove(name, options(call)));
  }

  async mount(name: string, call: Call): Promise<string> {
    const mount = await this.#volumes.mount(name, { ...options(call), holder: HOLDER });
    this.#say(name, mount.notes);
    return mount.path;
  }

  async unmount(name: string, call: Call): Promise<void> {
    await this.#volumes.unmount(name, { ...options(call), holder: HOLDER });
  }

  async path(name: string, call: Call): Promise<string> {
    return (await this.#volumes.get(name, options(call))).mountpoint ?? '';
  }

  mayBeAbsent(e: unknown): boolean {
    return isVolumeError(e, 'not_found');
  }

  async takeBack(name: string, before: Found | undefined, call: Call): Promise<boolean> {
    if (before?.held === true && !this.#around.counted) return false;
    await this.unmount(name, call);
    return true;
  }

  async close(): Promise<void> {}

  /** As REX-Ray documents: success without acting. The caller is told on standard error. */
  async #unlessDisabled(verb: 'create' | 'remove', act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (e) {
      if (!isVolumeError(e, 'denied') || e.details.rule !== `${RULE}.${verb}.disable`) throw e;
      this.#around.warn(e.text);
    }
  }

  #say(name: string, notes: readonly string[]): void {
    for (const note of notes) this.#around.warn(`volume "${name}": ${note}`);
  }
}

const options = (call: Call): { signal: AbortSignal; timeoutMs: number } => ({
  signal: call.stop.signal,
  timeoutMs: remaining(call),
});

function found(v: Volume): Found {
  return {
    name: v.name,
    mountpoint: v.mountpoint ?? '',
    details: { ...v },
    held: v.holders.some((h) => h.holder === HOLDER),
  };
}

const NAMES = new Set(OPTIONS.flatMap((r) => [r.name, ...r.aliases]).map((n) => n.toLowerCase()));
const isKnown = (key: string): boolean =>
  NAMES.has(key.toLowerCase()) || NAMES.has(`${key.toLowerCase().split('.')[0]}.`);

/** Options that the table does not have belong to the driver: converted by its schema, or by the server that has it. */
function createOptions(
  pairs: readonly OptionPair[],
  { paramsSchema }: Pick<Integration, 'paramsSchema'>,
): StringOptions {
  if (paramsSchema !== undefined) return parseOptions(pairs, { params: paramsSchema });
  const ours = pairs.filter(([key]) => key === '' || isKnown(key));
  const params = Object.fromEntries(pairs.filter((p) => !ours.includes(p)));
  return { ...parseOptions(ours), ...(Object.keys(params).length > 0 && { params }) };
}
