import { type Bytes, bytes, type Ctx, formatBytes, MIB, parseSize, VolumeError } from '@rexray/core';
import type { LocalLoopConfig } from './config.ts';
import type { Listing } from './listing.ts';

/** Sizes are multiples of the largest logical block that a loop device has. */
export const SIZES = { min: bytes(MIB), step: bytes(4096) } as const;

/** @throws VolumeError `out_of_range` below the smallest volume */
export function roundedSize(asked: number): Bytes {
  if (asked >= SIZES.min) return bytes(Math.ceil(asked / SIZES.step) * SIZES.step);
  throw new VolumeError('out_of_range', `${asked} bytes is less than the smallest volume, ${formatBytes(SIZES.min)}.`, {
    details: { min: SIZES.min },
  });
}

/** @throws VolumeError `invalid` naming the key */
export const ceiling = (c: Partial<LocalLoopConfig>): Bytes | undefined =>
  c.maxBytes === undefined ? undefined : parseSize(c.maxBytes, { path: 'local-loop.maxBytes' });

/** The configured ceiling of what all images may grow to. */
export class Ceiling {
  readonly #max: Bytes | undefined;
  readonly #listing: Listing;

  constructor(max: Bytes | undefined, listing: Listing) {
    this.#max = max;
    this.#listing = listing;
  }

  /** @param more bytes that shall be added to what there is. @throws VolumeError `exhausted` */
  async assert(more: number, ctx: Pick<Ctx, 'signal'>): Promise<void> {
    if (this.#max === undefined) return;
    const used = await this.#listing.provisioned(ctx);
    if (used + more <= this.#max) return;
    throw new VolumeError(
      'exhausted',
      `${formatBytes(more)} more would make ${formatBytes(used + more)} of volumes and snapshots; local-loop.maxBytes is ${formatBytes(this.#max)}.`,
      {
        details: { limit: this.#max, used },
        hint: 'Remove volumes or snapshots, ask for less, or raise local-loop.maxBytes.',
      },
    );
  }

  /** What the ceiling leaves of some free space. */
  async of(space: { readonly totalBytes: Bytes; readonly freeBytes: Bytes }, ctx: Ctx): Promise<typeof space> {
    if (this.#max === undefined) return space;
    const left = Math.max(0, this.#max - (await this.#listing.provisioned(ctx)));
    return {
      totalBytes: bytes(Math.min(space.totalBytes, this.#max)),
      freeBytes: bytes(Math.min(space.freeBytes, left)),
    };
  }
}
