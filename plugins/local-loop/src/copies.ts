import { type Ctx, type FormatState, type InitialRecord, VolumeError, type VolumeRecord } from '@rexray/core';
import type { Loaded, Volumes } from './client.ts';
import { attachedTo } from './errors.ts';
import { begin, type Self } from './work.ts';

/**
 * Copies the image of a volume into a new file: by reflink, which is one moment of it, else extent by extent while nobody
 * can write it — held still by whoever mounted it on this node, or under a claim of ours.
 * @returns the volume as it was during the copy
 * @throws VolumeError `in_use` attached to another node and no reflink; `busy` being formatted, or the record changed meanwhile
 */
export async function copyVolume(volumes: Volumes, id: string, to: string, self: Self, ctx: Ctx): Promise<Loaded> {
  const { calls, place } = volumes;
  const v = await volumes.own(id);
  if (v.kept.record.format.state === 'formatting') throw changing(v, 'is being formatted');
  if (place.reflink) await calls.clone(v.imagePath, to);
  else if (v.claim?.kind !== 'attach') await copyClaimed(volumes, v, to, self, ctx);
  else if (v.claim.node === (ctx.node ?? self.node)) await calls.copy(v.imagePath, to, ctx);
  else {
    throw attachedTo(v.name, v.claim, 'Its file system cannot reflink, so it can only be copied there, or detached.');
  }
  const after = await volumes.own(id);
  if (JSON.stringify(after.kept.record.format) !== JSON.stringify(v.kept.record.format)) {
    throw changing(v, 'was formatted while it was copied');
  }
  return v;
}

async function copyClaimed(volumes: Volumes, v: Loaded, to: string, self: Self, ctx: Ctx): Promise<void> {
  const work = await begin(volumes, v, self, 'copy');
  try {
    await volumes.calls.copy(v.imagePath, to, ctx);
    if (await volumes.claims.holds(v.name, v.scan.inc, work.claim)) return;
    throw changing(v, 'was taken over while it was copied');
  } finally {
    await work.done();
  }
}

const changing = (v: Loaded, what: string): VolumeError<'busy'> =>
  new VolumeError('busy', `Volume "${v.name}" ${what}.`, {
    details: { op: 'copy', retryAfterMs: 1000 },
    hint: `Nothing is left of the copy. Try again.`,
  });

/**
 * The record of a copy: what the caller wishes, and of the source what the bytes are. Consent to format does not travel (S3).
 */
export function recordOfCopy(source: VolumeRecord, wished: InitialRecord): InitialRecord {
  const { blockSize = source.blockSize, dataDir = source.dataDir } = wished;
  return {
    ...wished,
    format: withoutConsent(source.format),
    copied: true,
    ...(blockSize !== undefined && { blockSize }),
    ...(dataDir !== undefined && { dataDir }),
  };
}

function withoutConsent(format: FormatState): FormatState {
  if (format.state !== 'blank') return format;
  const { consent: _, ...blank } = format;
  return blank;
}
