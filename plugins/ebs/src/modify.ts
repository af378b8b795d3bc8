import type { Volume as Ec2Volume, ModifyVolumeRequest, VolumeModification } from '@aws-sdk/client-ec2';
import { type Bytes, GIB, notFound, VolumeError, type VolumeRecord } from '@rexray/core';
import { Batcher } from './batch.ts';
import type { Patience } from './clock.ts';
import type { EbsParams } from './config.ts';
import { is, isUnknown, messageOf } from './errors.ts';
import { GP3_FREE, iopsRange, isVolumeType, type VolumeType } from './limits.ts';
import type { Parts } from './parts.ts';
import { assertSize, gibOf, outside, throughputOf } from './plan.ts';
import { paramsOf } from './view.ts';
import { lateError, until } from './waiting.ts';

type Change = Omit<ModifyVolumeRequest, 'VolumeId' | 'DryRun'>;
/** A change works from `optimizing` on; only another change has to wait for `completed`. */
const WORKS = ['optimizing', 'completed'];

/** Size, type, operations and throughput of volumes that are in use or not; the state of a change is followed in shared calls. */
export class Modifying {
  readonly #parts: Parts;
  readonly #batch: Batcher<VolumeModification>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#batch = new Batcher({
      clock: parts.clock,
      size: 200,
      pace: parts.pace,
      fetch: (ids) => this.#fetch(ids),
    });
  }

  /** Only ever larger (S17). */
  async expand(id: string, size: Bytes, p: Patience): Promise<Ec2Volume> {
    const gib = gibOf(size);
    const v = await this.#own(id, p);
    if ((v.Size ?? 0) >= gib) return v;
    if (isVolumeType(v.VolumeType)) assertSize(v.VolumeType, gib);
    return this.#change(id, { Size: gib }, (x) => (x.Size ?? 0) >= gib, p);
  }

  /** @throws VolumeError `invalid` when the type cannot do it, `busy` while EC2 still works on the last change */
  async modify(
    id: string,
    params: Partial<EbsParams>,
    hints: VolumeRecord['hints'] | undefined,
    p: Patience,
  ): Promise<Ec2Volume> {
    const v = await this.#own(id, p);
    const change = changeOf(v, params, hints);
    if (Object.keys(change).length === 0) return v;
    return this.#change(id, change, (x) => Object.keys(changeOf(x, params, hints)).length === 0, p);
  }

  async #change(id: string, change: Change, holds: (v: Ec2Volume) => boolean, p: Patience): Promise<Ec2Volume> {
    const { clock, client, volumes, waitMs, firstLookMs, visibleMs } = this.#parts;
    let asked = false;
    /** Until when no sign of the change says nothing: EC2 took it, and shows it later. */
    let blindUntil = 0;
    return until<Ec2Volume>({
      clock,
      patience: p,
      boundMs: Math.max(waitMs, p.deadline - clock.now()),
      firstMs: firstLookMs,
      late: (still) =>
        lateError(
          `Volume ${id} is not changed yet`,
          still,
          'modify',
          'It goes on in EC2: repeat the call to wait for it.',
        ),
      step: async () => {
        if (!asked) {
          try {
            await client.mutate('ModifyVolume', { VolumeId: id, ...change }, p);
            blindUntil = clock.now() + visibleMs;
          } catch (e) {
            if (!isUnknown(e)) throw refusedChange(id, e);
          }
          asked = true;
          volumes.forget(id);
        }
        const [m, v] = await Promise.all([this.#batch.get(id, p), this.#own(id, p)]);
        if (m?.ModificationState === 'failed') throw failedChange(id, m);
        if (holds(v) && (m === undefined || WORKS.includes(m.ModificationState ?? ''))) return { done: v };
        // A reply that was lost may have been of a request that was: no sign of it means to ask again.
        const noSign = m === undefined || (m.ModificationState === 'completed' && !holds(v));
        if (noSign && clock.now() >= blindUntil) asked = false;
        return { still: `EC2 says ${m?.ModificationState ?? 'nothing'} (${m?.Progress ?? 0} %)` };
      },
    });
  }

  async #own(id: string, p: Patience): Promise<Ec2Volume> {
    const v = await this.#parts.volumes.get(id, p);
    if (v === undefined) throw notFound('Volume', id);
    this.#parts.view.assertUsable(v);
    return v;
  }

  async #fetch(ids: readonly string[]): Promise<ReadonlyMap<string, VolumeModification>> {
    const { client, clock } = this.#parts;
    const patience = { signal: new AbortController().signal, deadline: clock.now() + 20_000 };
    // By filter: a volume that was never modified is no error then.
    const Filters = [{ Name: 'volume-id', Values: [...ids] }];
    const r = await client.read('DescribeVolumesModifications', { Filters }, patience);
    const newest = new Map<string, VolumeModification>();
    for (const m of r.VolumesModifications ?? []) {
      const before = newest.get(m.VolumeId ?? '');
      if (before === undefined || Number(m.StartTime ?? 0) >= Number(before.StartTime ?? 0))
        newest.set(m.VolumeId ?? '', m);
    }
    return newest;
  }
}

/** What differs from what is wanted. Options bind; hints are brought into the range of the type. */
function changeOf(v: Ec2Volume, params: Partial<EbsParams>, hints: VolumeRecord['hints'] | undefined): Change {
  const have = paramsOf(v);
  const hinted = isVolumeType(hints?.type) && params.type === undefined ? hints.type : undefined;
  const type: VolumeType = params.type ?? hinted ?? have.type ?? 'gp3';
  const gib = v.Size ?? Math.ceil(GIB / GIB);
  for (const key of ['encrypted', 'encryptionKey', 'availabilityZone'] as const) {
    if (params[key] !== undefined && params[key] !== have[key]) throw fixed(key, params[key]);
  }
  assertSize(type, gib);
  const range = iopsRange(type, gib);
  let iops: number | undefined;
  if (params.iops !== undefined) {
    if (range === undefined || params.iops < range.min || params.iops > range.max)
      throw outside(
        'iops',
        params.iops,
        type,
        range === undefined ? 'cannot be set' : `${range.min} to ${range.max} at ${gib} GiB`,
      );
    iops = params.iops;
  } else if (hints?.iops !== undefined && range !== undefined)
    iops = Math.min(range.max, Math.max(range.min, hints.iops));
  const now = iops ?? have.iops ?? GP3_FREE.iops;
  const throughput = throughputOf(type, params.throughput, now);
  const typeChanges = type !== have.type;
  return {
    ...(typeChanges && { VolumeType: type }),
    ...(iops !== undefined &&
      iops !== have.iops &&
      !(typeChanges && type === 'gp3' && iops === GP3_FREE.iops) && { Iops: iops }),
    ...(throughput !== undefined && throughput !== have.throughput && { Throughput: throughput }),
  };
}

const fixed = (key: string, value: unknown): VolumeError<'unsupported'> =>
  new VolumeError('unsupported', `${key} of an EBS volume cannot be changed (to ${String(value)}).`, {
    details: { option: key },
    hint: 'Clone the volume with the new value.',
  });

function refusedChange(id: string, e: unknown): unknown {
  if (!is(e, 'VolumeModificationRateExceeded', 'IncorrectModificationState', 'IncorrectState')) return e;
  return new VolumeError('busy', `Volume ${id} cannot be changed now: ${messageOf(e)}`, {
    details: { op: 'modify', retryAfterMs: 60_000 },
    cause: e,
    hint: 'EC2 bounds how often a volume is modified, and finishes one change before the next.',
  });
}

const failedChange = (id: string, m: VolumeModification): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `EC2 could not change volume ${id}: ${m.StatusMessage ?? 'it does not say why'}.`, {
    details: { found: 'failed' },
    hint: 'The volume is what it was. Try again.',
  });
