import { type Ctx, type InitialRecord, VolumeError, type VolumeSpec } from '@rexray/core';
import type { Loaded, Volumes } from './client.ts';
import type { LocalLoopParams } from './config.ts';
import { recordOfCopy } from './copies.ts';
import { taken } from './errors.ts';
import { type Ceiling, roundedSize } from './sizes.ts';
import type { CopySource } from './snapshots.ts';
import { remove, type Self } from './work.ts';

type Spec = VolumeSpec<LocalLoopParams>;

interface What {
  readonly sizeBytes: number;
  readonly record: InitialRecord;
  readonly origin?: string;
}

/** How often what has a name and is no volume is looked at again. */
const LOOKS = 3;

/** New volumes: blank ones, and copies. Each verb is idempotent by name. */
export class Making {
  readonly #volumes: Volumes;
  readonly #ceiling: Ceiling;

  constructor(volumes: Volumes, ceiling: Ceiling) {
    this.#volumes = volumes;
    this.#ceiling = ceiling;
  }

  async create(name: string, spec: Spec, self: Self, ctx: Ctx): Promise<Loaded> {
    const there = await this.#same(name, spec);
    if (there !== undefined) return there;
    const sizeBytes = roundedSize(spec.sizeBytes);
    const made = await this.#make(name, { sizeBytes, record: spec.record }, self, ctx, (path) =>
      this.#volumes.calls.makeFile(path, { sizeBytes }),
    );
    return made ?? (await this.#same(name, spec)) ?? this.#taken(name);
  }

  async copyOf(source: CopySource, name: string, spec: Spec, self: Self, ctx: Ctx): Promise<Loaded> {
    const any = { ...spec, asked: [] };
    const there = await this.#same(name, any, source.id);
    if (there !== undefined) return there;
    const sizeBytes = roundedSize(Math.max(spec.sizeBytes, source.sizeBytes));
    const what = { sizeBytes, record: recordOfCopy(source.record, spec.record), origin: source.id };
    const made = await this.#make(name, what, self, ctx, async (path) => {
      await source.copyTo(path);
      await this.#volumes.calls.grow(path, sizeBytes);
    });
    return made ?? (await this.#same(name, any, source.id)) ?? this.#taken(name);
  }

  /** The volume of that name, if it has what was asked for; undefined when there is none. @throws VolumeError `already_exists` */
  async #same(name: string, spec: Spec, origin?: string): Promise<Loaded | undefined> {
    const v = await this.#whole(name);
    if (v === undefined) return undefined;
    const have = Number(v.image.size);
    const differs = {
      ...(spec.asked.includes('size') && have < spec.sizeBytes && { size: { have, asked: spec.sizeBytes } }),
      ...(origin !== undefined &&
        v.kept.origin !== origin && { from: { have: v.kept.origin ?? 'nothing', asked: origin } }),
    };
    if (Object.keys(differs).length === 0) return v;
    throw new VolumeError(
      'already_exists',
      `Volume "${name}" exists and differs in ${Object.keys(differs).join(', ')}.`,
      {
        details: { differs },
        hint: 'Choose another name.',
      },
    );
  }

  /** A volume of somebody else may get its name between the two looks: then the next one sees it whole. */
  async #whole(name: string): Promise<Loaded | undefined> {
    for (let i = 0; i < LOOKS; i++) {
      const v = await this.#volumes.load(name);
      if (v !== undefined) return v;
      if ((await this.#volumes.calls.stat(this.#volumes.place.path(name))) === undefined) return undefined;
    }
    return this.#taken(name);
  }

  #taken(name: string): never {
    throw taken(name, `${this.#volumes.place.path(name)} is there and is not a volume of ours`);
  }

  /** @returns undefined when the name was taken meanwhile */
  async #make(
    name: string,
    what: What,
    self: Self,
    ctx: Ctx,
    image: (path: string) => Promise<void>,
  ): Promise<Loaded | undefined> {
    await this.#ceiling.assert(what.sizeBytes, ctx);
    const made = await this.#volumes.make(name, what, {
      image: async (path) => {
        await image(path);
        ctx.signal.throwIfAborted();
      },
    });
    if (made === undefined) return undefined;
    try {
      // Two nodes that looked at the same moment both saw room.
      await this.#ceiling.assert(0, ctx);
    } catch (e) {
      await remove(this.#volumes, made, self, ctx);
      throw e;
    }
    return made;
  }
}
