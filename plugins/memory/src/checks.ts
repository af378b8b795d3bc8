import { type Bytes, bytes, VolumeError, type VolumeSpec } from '@rexray/core';
import type { MemoryBackend, StoredVolume } from './backend.ts';
import type { MemoryConfig, MemoryParams } from './config.ts';

type Differs = Record<string, { have: unknown; asked: unknown }>;

/** Which of the properties that the caller wrote do not hold for a volume. */
export function differences(have: StoredVolume, spec: VolumeSpec<MemoryParams>): Differs {
  const differs: Differs = {};
  if (spec.asked.includes('size') && have.disk.sizeBytes < spec.sizeBytes) {
    differs.size = { have: have.disk.sizeBytes, asked: spec.sizeBytes };
  }
  if (spec.asked.includes('params')) {
    for (const [key, asked] of Object.entries(spec.params)) {
      const mine = (have.params as Record<string, unknown>)[key];
      if (asked !== undefined && mine !== asked) differs[key] = { have: mine, asked };
    }
  }
  return differs;
}

export const alreadyExists = (v: StoredVolume, differs: Differs): VolumeError<'already_exists'> =>
  new VolumeError(
    'already_exists',
    v.foreign
      ? `The storage has "${v.name}", which is not ours.`
      : `Volume "${v.name}" exists and differs in ${Object.keys(differs).join(', ') || 'its name'}.`,
    { details: { differs }, hint: v.foreign ? 'Adopt it, or choose another name.' : 'Choose another name.' },
  );

export function inUse(v: StoredVolume): VolumeError<'in_use'> {
  const a = v.attachments[0];
  return new VolumeError(
    'in_use',
    `Volume "${v.name}" is attached to ${v.attachments.map((x) => x.node).join(', ')}.`,
    {
      details:
        a === undefined ? {} : { node: a.node, epoch: a.epoch, ...(a.since !== undefined && { since: a.since }) },
      hint: 'Detach it there first.',
    },
  );
}

/** @throws VolumeError `denied` for what another tool put into the storage. */
export function assertOurs(v: StoredVolume): void {
  if (!v.foreign) return;
  throw new VolumeError('denied', `"${v.name}" was not made by us.`, {
    details: { rule: 'S12', found: 'no record' },
    hint: 'Adopt it first.',
  });
}

/** The asked size rounded up to what the storage makes. @throws VolumeError `out_of_range`, `exhausted` */
export function sizeFor(
  b: MemoryBackend,
  c: Pick<MemoryConfig, 'minSize' | 'maxSize' | 'sizeStep'> & { readonly capacity: Bytes },
  asked: Bytes,
  replaces: number,
): Bytes {
  const size = bytes(Math.ceil(asked / c.sizeStep) * c.sizeStep);
  if (size < c.minSize || (c.maxSize !== undefined && size > c.maxSize)) {
    throw new VolumeError('out_of_range', `${asked} bytes is outside what the memory storage makes.`, {
      details: { min: c.minSize, ...(c.maxSize !== undefined && { max: c.maxSize }) },
    });
  }
  const used = b.usedBytes();
  if (used - replaces + size <= c.capacity) return size;
  throw new VolumeError('exhausted', `The memory storage has no room for ${size} bytes.`, {
    details: { limit: c.capacity, used },
  });
}
