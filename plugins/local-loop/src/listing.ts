import type { BigIntStats } from 'node:fs';
import { type Bytes, bytes, type Ctx, type DriverVolume, isVolumeError, type Page } from '@rexray/core';
import { toForeignVolume, toVolume, type Volumes } from './client.ts';
import type { LocalLoopParams } from './config.ts';
import { SNAPSHOTS } from './layout.ts';

type Volume = DriverVolume<LocalLoopParams>;

/**
 * What was read of directories, as long as their change time says that they are the same. Only for listings: verbs that
 * decide something read afresh. A directory that changed just before it was read is not kept, because a second change
 * within one tick of the clock would not show.
 */
export class SeenDirs<T> {
  readonly #kept = new Map<string, { readonly at: number; readonly stamp: string; readonly value: T }>();
  readonly #tickMs: number;
  static readonly MAX_AGE_MS = 60_000;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  async get(key: string, stat: BigIntStats, read: () => Promise<T>): Promise<T> {
    const stamp = `${stat.dev}:${stat.ino}:${stat.ctimeNs}`;
    const known = this.#kept.get(key);
    const now = Date.now();
    if (known?.stamp === stamp && now - known.at < SeenDirs.MAX_AGE_MS) return known.value;
    const value = await read();
    if (now - Number(stat.ctimeMs) > this.#tickMs) this.#kept.set(key, { at: now, stamp, value });
    else this.#kept.delete(key);
    return value;
  }

  /** Forgets what is no longer there. */
  retain(keys: ReadonlySet<string>): void {
    if (this.#kept.size > keys.size + 1000) {
      for (const key of this.#kept.keys()) if (!keys.has(key)) this.#kept.delete(key);
    }
  }
}

const PAGE = 1000;
/** Entries that are looked at together, after which other work of the process gets its turn. */
const BATCH = 64;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Volumes and foreign images in the order of their names. */
export class Listing {
  readonly #volumes: Volumes;
  readonly #names: SeenDirs<readonly string[]>;
  readonly #seen: SeenDirs<Volume | undefined>;

  constructor(volumes: Volumes, tickMs: number) {
    this.#volumes = volumes;
    this.#names = new SeenDirs(tickMs);
    this.#seen = new SeenDirs(tickMs);
  }

  /** @returns `partial` naming what is not whole, instead of failing for all the others */
  async page(
    query: { readonly cursor?: string; readonly limit?: number },
    ctx: Pick<Ctx, 'signal'>,
  ): Promise<Page<Volume>> {
    const names = await this.#sorted('');
    const limit = Math.max(1, query.limit ?? PAGE);
    const items: Volume[] = [];
    const broken: string[] = [];
    let at = query.cursor === undefined ? 0 : after(names, query.cursor);
    while (at < names.length && items.length < limit) {
      ctx.signal.throwIfAborted();
      const batch = names.slice(at, at + Math.min(BATCH, limit - items.length));
      const found = await Promise.all(batch.map((name) => this.#one(name, broken)));
      for (const v of found) if (v !== undefined) items.push(v);
      at += batch.length;
      await turn();
    }
    const last = names[at - 1];
    return {
      items,
      ...(at < names.length && last !== undefined && { next: last }),
      ...(broken.length > 0 && { partial: `not whole: ${broken.join('; ')}` }),
    };
  }

  /** What volumes and snapshots add up to, by their full sizes. */
  async provisioned(ctx: Pick<Ctx, 'signal'>): Promise<Bytes> {
    let sum = 0;
    let cursor: string | undefined;
    do {
      const page: Page<Volume> = await this.page(cursor === undefined ? {} : { cursor }, ctx);
      for (const v of page.items) if (v.foreign !== true) sum += v.sizeBytes;
      cursor = page.next;
    } while (cursor !== undefined);
    const { calls, place } = this.#volumes;
    for (const name of await this.#sorted(SNAPSHOTS)) {
      const image = await calls.stat(place.path(SNAPSHOTS, name, 'image'));
      sum += Number(image?.size ?? 0);
    }
    return bytes(sum);
  }

  async #sorted(dir: string): Promise<readonly string[]> {
    const { calls, place } = this.#volumes;
    const path = place.path(dir);
    const stat = await calls.stat(path);
    if (stat === undefined) return [];
    return this.#names.get(path, stat, async () => {
      const names = ((await calls.entries(path)) ?? []).filter((n) => !n.startsWith('.')).sort();
      if (dir === '') this.#seen.retain(new Set(names));
      return names;
    });
  }

  async #one(name: string, broken: string[]): Promise<Volume | undefined> {
    const { calls, place } = this.#volumes;
    const stat = await calls.stat(place.path(name));
    if (stat === undefined) return undefined;
    try {
      return await this.#seen.get(name, stat, () => this.#read(name, stat.isDirectory()));
    } catch (e) {
      if (!isVolumeError(e, 'data_loss')) throw e;
      broken.push(e.message);
      return undefined;
    }
  }

  async #read(name: string, isDirectory: boolean): Promise<Volume | undefined> {
    const own = isDirectory ? await this.#volumes.load(name) : undefined;
    if (own !== undefined) return toVolume(own);
    const foreign = await this.#volumes.foreign(name);
    return foreign === undefined ? undefined : toForeignVolume(foreign);
  }
}

/** Index of the first name behind the cursor, which need not exist any more. */
function after(names: readonly string[], cursor: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') <= cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}
