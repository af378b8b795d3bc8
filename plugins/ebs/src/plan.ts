import { type Bytes, formatBytes, GIB, VolumeError, type VolumeSpec } from '@rexray/core';
import type { EbsConfig, EbsParams } from './config.ts';
import { GP3_FREE, iopsRange, isVolumeType, LIMITS, type VolumeType } from './limits.ts';

/** What CreateVolume is asked for. */
export interface Plan {
  readonly gib: number;
  readonly type: VolumeType;
  readonly iops?: number;
  readonly throughput?: number;
  readonly zone: string;
  readonly encrypted: boolean;
  readonly kmsKey?: string;
  readonly multiAttach: boolean;
}

/**
 * Options bind: what a type cannot do is refused. Hints guide: an unknown type is passed over, operations are brought into
 * the range of the type (the record keeps what was written). @throws VolumeError `out_of_range`, `invalid`, `unsupported`
 */
export function planOf(c: EbsConfig, spec: VolumeSpec<EbsParams>, zone: string): Plan {
  const { params: p } = spec;
  const { hints } = spec.record;
  const gib = gibOf(spec.sizeBytes);
  const byDefault: VolumeType = c.multiAttach ? 'io2' : c.type;
  const hinted = isVolumeType(hints.type) && fits(hints.type, gib, c) ? hints.type : byDefault;
  const type = p.type ?? hinted;
  assertSize(type, gib);
  if (c.multiAttach && LIMITS[type].multiAttach !== true) {
    throw new VolumeError('unsupported', `Volumes of type ${type} cannot be attached to several nodes.`, {
      details: { option: 'type', missing: 'Multi-Attach' },
      hint: 'Use io2 or io1.',
    });
  }
  const iops = iopsOf(type, gib, p.iops, hints.iops);
  const throughput = throughputOf(type, p.throughput, iops);
  const kmsKey = p.encryptionKey ?? (p.encrypted === false ? undefined : c.kmsKeyID || undefined);
  return {
    gib,
    type,
    ...(iops !== undefined && { iops }),
    ...(throughput !== undefined && { throughput }),
    zone: p.availabilityZone ?? hints.availabilityZone ?? zone,
    encrypted: kmsKey !== undefined || (p.encrypted ?? c.encrypted),
    ...(kmsKey !== undefined && { kmsKey }),
    multiAttach: c.multiAttach,
  };
}

export const gibOf = (size: Bytes): number => Math.max(1, Math.ceil(size / GIB));

const fits = (type: VolumeType, gib: number, c: EbsConfig): boolean =>
  gib >= LIMITS[type].minGib && gib <= LIMITS[type].maxGib && (!c.multiAttach || LIMITS[type].multiAttach === true);

/** @throws VolumeError `out_of_range` */
export function assertSize(type: VolumeType, gib: number): void {
  const { minGib, maxGib } = LIMITS[type];
  if (gib >= minGib && gib <= maxGib) return;
  throw new VolumeError(
    'out_of_range',
    `${formatBytes(gib * GIB)} is outside what EBS volumes of type ${type} can be.`,
    {
      details: { min: minGib * GIB, max: maxGib * GIB },
      hint: `${type}: ${minGib} to ${maxGib} GiB.`,
    },
  );
}

function iopsOf(
  type: VolumeType,
  gib: number,
  asked: number | undefined,
  hint: number | undefined,
): number | undefined {
  const range = iopsRange(type, gib);
  if (range === undefined) {
    if (asked === undefined) return undefined;
    throw outside('iops', asked, type, 'cannot be set');
  }
  if (asked !== undefined) {
    if (asked < range.min || asked > range.max)
      throw outside('iops', asked, type, `${range.min} to ${range.max} at ${gib} GiB`);
    return asked;
  }
  if (hint !== undefined) return Math.min(range.max, Math.max(range.min, hint));
  // io1 and io2 have no default of their own.
  return LIMITS[type].iops?.required === true ? Math.min(range.max, Math.max(range.min, gib * 50)) : undefined;
}

export function throughputOf(
  type: VolumeType,
  asked: number | undefined,
  iops = GP3_FREE.iops as number,
): number | undefined {
  if (asked === undefined) return undefined;
  const { throughput: t } = LIMITS[type];
  if (t === undefined) throw outside('throughput', asked, type, 'cannot be set');
  const max = Math.min(t.max, Math.floor(iops * t.perIops));
  if (asked < t.min || asked > max)
    throw outside('throughput', asked, type, `${t.min} to ${max} MiB/s with ${iops} iops`);
  return asked;
}

export const outside = (path: string, value: number, type: VolumeType, expected: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `${path} ${value} does not fit a volume of type ${type}: ${expected}.`, {
    details: { path, value, expected },
  });
