/** Random verbs on a handful of volumes, each with a file whose content says what it must be. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, type FsType, type Integration, isVolumeError, mib } from '@rexray/core';
import type { Dice } from './damage.ts';

const MIB_OF: Record<FsType, number> = { ext4: 32, xfs: 304, btrfs: 128 };
const VOLUMES: readonly (readonly [string, FsType])[] = [
  ['a', 'ext4'],
  ['b', 'ext4'],
  ['c', 'ext4'],
  ['d', 'xfs'],
  ['e', 'btrfs'],
];
export const COPIES = ['copy', 'restored'] as const;
const STEPS_OF_GROWTH = 4;
/** Content of the file in a volume; copies have that of their source. */
const text = (name: string): string => `what belongs in ${name}`;

/** A volume that holds something else than was put into it: the end of the run. */
export class Wrong extends Error {}

export class Soaked {
  readonly #s: Integration;
  readonly #holder: string;
  readonly #roll: Dice;
  readonly count: Record<string, number> = {};

  constructor(s: Integration, holder: string, roll: Dice) {
    this.#s = s;
    this.#holder = holder;
    this.#roll = roll;
  }

  /** One verb. What is refused because somebody else works there is no failure. @throws {@link Wrong}, and whatever names a bug or a loss */
  async verb(): Promise<void> {
    const [name, fsType] = VOLUMES[this.#roll(VOLUMES.length)] ?? ['a', 'ext4'];
    const [what, run] = this.#choose(name, fsType);
    try {
      await run();
      this.#counted(what);
    } catch (e) {
      if (e instanceof Wrong || !isVolumeError(e) || e.code === 'internal' || e.code === 'data_loss') throw e;
      this.#counted(`${what}: ${e.code}`);
    }
  }

  #counted(what: string): void {
    this.count[what] = (this.count[what] ?? 0) + 1;
  }

  #choose(name: string, fsType: FsType): readonly [string, () => Promise<unknown>] {
    const s = this.#s;
    const copy = COPIES[this.#roll(COPIES.length)] ?? 'copy';
    const n = this.#roll(100);
    if (n < 45) return ['mount', () => this.#use(name)];
    if (n < 65) return ['unmount', () => s.unmount(name, { holder: this.#holder })];
    if (n < 72)
      return this.#roll(2) === 0
        ? ['expand', () => this.#expand(name, fsType)]
        : ['expand a copy', () => this.#growCopy(copy)];
    if (n < 79) return ['snapshot', () => s.snapshots.create(name, 'snap')];
    if (n < 84) return ['remove a snapshot', () => s.snapshots.remove('snap')];
    if (n < 88) return ['restore', () => s.snapshots.restore('snap', 'restored')];
    if (n < 92) return ['clone', () => s.clone(name, 'copy')];
    if (n < 96) return ['look at a copy', () => this.#look(copy)];
    return ['remove', () => s.remove(copy)];
  }

  async #use(name: string): Promise<void> {
    const m = await this.#s.mount(name, { holder: this.#holder });
    const found = readFileSync(join(m.path, 'content'), 'utf8');
    if (found !== text(name)) throw new Wrong(`${name} holds ${JSON.stringify(found.slice(0, 80))}`);
    writeFileSync(join(m.path, 'scribbled'), found.repeat(1 + this.#roll(200)));
  }

  async #expand(name: string, fsType: FsType): Promise<void> {
    const size = mib(MIB_OF[fsType] + 16 * (1 + this.#roll(STEPS_OF_GROWTH)));
    await this.#s.expand(name, { size });
  }

  async #growCopy(copy: string): Promise<void> {
    const { sizeBytes } = await this.#s.get(copy);
    await this.#s.expand(copy, { size: bytes(sizeBytes + mib(16)) });
  }

  /** Removed by somebody else meanwhile, or not: then it has what its source had. */
  async #look(copy: string): Promise<void> {
    const m = await this.#s.mount(copy, { holder: this.#holder });
    try {
      const found = readFileSync(join(m.path, 'content'), 'utf8');
      if (!VOLUMES.some(([v]) => found === text(v)))
        throw new Wrong(`${copy} holds ${JSON.stringify(found.slice(0, 80))}`);
    } finally {
      await this.#s.unmount(copy, { holder: this.#holder });
    }
  }
}

/** The volumes, each with its file, before anything goes wrong. */
export async function prepareSoak(s: Integration): Promise<void> {
  for (const [name, fsType] of VOLUMES) {
    await s.create(name, { size: mib(MIB_OF[fsType]), fsType });
    const m = await s.mount(name, { holder: 'cli' });
    writeFileSync(join(m.path, 'content'), text(name), { flush: true });
    await s.unmount(name, { holder: 'cli' });
  }
}

const PATIENCE_MS = 180_000;
const PASSES: readonly string[] = ['busy', 'unavailable', 'timeout', 'in_use'];

/** On a loaded machine a new worker process may be late, and what was killed may take a moment to end. */
export async function patiently<T>(f: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    try {
      return await f();
    } catch (e) {
      if (!isVolumeError(e) || !PASSES.includes(e.code) || performance.now() > end) throw e;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** Everything is let go of, and read once more; nothing may be left then. */
export async function settleSoak(s: Integration): Promise<void> {
  for (const h of await s.holders.list()) await s.holders.release(h.volume, h.holder);
  for (const [name] of VOLUMES) {
    const m = await s.mount(name, { holder: 'cli' });
    const found = readFileSync(join(m.path, 'content'), 'utf8');
    await s.unmount(name, { holder: 'cli' });
    if (found !== text(name)) throw new Wrong(`${name} holds ${JSON.stringify(found.slice(0, 80))}`);
  }
  for (const v of (await s.list()).items) if (!VOLUMES.some(([name]) => name === v.name)) await s.remove(v.name);
  for (const x of (await s.snapshots.list()).items) await s.snapshots.remove(x.name);
}
