import type { CreateOptions, Volume } from '../../api.ts';
import { type Bytes, bytes, formatBytes, toBytes } from '../../bytes.ts';
import type { DriverVolume, VolumeSpec } from '../../driver.ts';
import { VolumeError } from '../../errors.ts';
import { type FormatState, FS_TYPES, type FsType, type Hints, type InitialRecord, isFsType } from '../../record.ts';
import { parse } from '../../schema.ts';
import { assertOwner, assertUsable } from '../ask.ts';
import type { Env } from '../env.ts';

/** Checks what a caller asked for and turns it into what a driver makes. Reads nothing. @throws `invalid`, `out_of_range`, `unsupported` */
export function specOf(
  env: Env,
  name: string,
  o: CreateOptions,
  source?: { readonly sizeBytes: Bytes; readonly record: InitialRecord },
): VolumeSpec {
  refuseGuarantees(env, o);
  const asked: ('size' | 'params')[] = [];
  if (o.size !== undefined) asked.push('size');
  const wanted = { ...guarantees(o), ...o.params };
  if (Object.keys(wanted).length > 0) asked.push('params');
  const size = o.size === undefined ? (source?.sizeBytes ?? env.policy.defaults.size) : toBytes(o.size);
  if (source !== undefined && size < source.sizeBytes) {
    throw new VolumeError(
      'out_of_range',
      `Volume "${name}" cannot be ${formatBytes(size)}: its source has ${formatBytes(source.sizeBytes)}.`,
      { details: { min: source.sizeBytes } },
    );
  }
  const record = source === undefined ? newRecord(env, o) : copiedRecord(env, name, o, source.record);
  assertOwner(record.owner);
  assertUsable(o, record.format);
  return {
    sizeBytes: fitSize(env, name, size),
    record,
    params: parse(env.params, wanted, `options of volume "${name}"`),
    asked,
  };
}

/** What a person asked to be sure of is never silently dropped (S21). */
function refuseGuarantees(env: Env, o: CreateOptions): void {
  if (o.encrypted === true || o.encryptionKey !== undefined) {
    const can = JSON.stringify(env.params['~standard'].jsonSchema.input()).includes('"encrypted"');
    if (!can) {
      throw new VolumeError(
        'unsupported',
        `The driver ${env.driverName} of service "${env.service}" cannot encrypt volumes.`,
        {
          details: { option: o.encrypted === true ? 'encrypted' : 'encryptionKey' },
          hint: 'Leave the option out, or use a service whose driver encrypts.',
        },
      );
    }
  }
  if (o.overwriteFs === true && o.from !== undefined) {
    throw new VolumeError(
      'invalid',
      'overwriteFs and a source exclude each other: a copy has the file system of its source.',
      { details: { path: 'overwriteFs', value: true } },
    );
  }
}

/** A driver that can give them has them among its options: there they reach it, and are compared with what exists. */
const guarantees = (o: CreateOptions): object =>
  clean({ ...(o.encrypted === true && { encrypted: true }), encryptionKey: o.encryptionKey });

function newRecord(env: Env, o: CreateOptions): InitialRecord {
  return { ...wishes(o, env.policy.defaults.hints), format: formatOf(env, o), labels: { ...o.labels } };
}

/** A copy is like its source but for what was asked; what a copy cannot have is refused, not dropped. */
function copiedRecord(env: Env, name: string, o: CreateOptions, source: InitialRecord): InitialRecord {
  const { readOnly: _, ...rest } = source;
  const f = source.format;
  const differs = o.fsType !== undefined && f.state !== 'none' && o.fsType !== f.fsType;
  if (differs || o.mkfs !== undefined) {
    const path = differs ? 'fsType' : 'mkfs';
    const have = f.state === 'none' ? 'none' : f.fsType;
    throw new VolumeError('invalid', `Volume "${name}": a copy has the file system of its source (${have}).`, {
      details: { path, value: differs ? o.fsType : o.mkfs, expected: 'the file system of the source' },
      hint: `Leave ${path} out, or create an empty volume in service "${env.service}" and copy the files.`,
    });
  }
  const readOnly = o.readOnly ?? source.readOnly;
  return {
    ...rest,
    hints: { ...source.hints, ...clean(o.hints ?? {}) },
    owner: { ...source.owner, ...clean(o.owner ?? {}) },
    labels: { ...source.labels, ...o.labels },
    ...(o.mountOptions !== undefined && { mountOptions: o.mountOptions }),
    ...(readOnly === true && { readOnly }),
  };
}

function wishes(o: CreateOptions, defaults: Hints = {}): Omit<InitialRecord, 'format' | 'labels'> {
  return {
    hints: clean({ ...defaults, ...clean(o.hints ?? {}) }),
    owner: clean(o.owner ?? {}),
    ...(o.mountOptions !== undefined && { mountOptions: o.mountOptions }),
    ...(o.readOnly === true && { readOnly: true }),
  };
}

const clean = <T extends object>(x: T): T =>
  Object.fromEntries(Object.entries(x).filter(([, v]) => v !== undefined)) as T;

function formatOf(env: Env, o: CreateOptions): FormatState {
  const types = env.driver.traits.fsTypes;
  if (types === undefined) return { state: 'none' };
  return {
    state: 'blank',
    fsType: assertFsType(env, o.fsType ?? env.policy.defaults.fsType ?? types[0] ?? 'ext4'),
    ...(o.overwriteFs === true && { consent: true }),
    ...(o.mkfs !== undefined && { mkfs: o.mkfs }),
  };
}

/** @throws `invalid` when the service does not make it */
export function assertFsType(env: Env, wanted: string): FsType {
  const types = env.driver.traits.fsTypes ?? [];
  if (isFsType(wanted) && types.includes(wanted)) return wanted;
  throw new VolumeError('invalid', `fsType: "${wanted}" is not a file system that service "${env.service}" makes.`, {
    details: { path: 'fsType', value: wanted, expected: types.join(', ') },
    hint: `Use one of ${types.join(', ')}.`,
  });
}

/** Smallest sizes that the file systems' own tools accept, in bytes (measured: xfs 300 MiB, btrfs 109 MiB, ext4 1 MiB). */
const FS_MIN: Readonly<Record<FsType, number>> = { ext4: 1 << 20, xfs: 300 << 20, btrfs: 109 << 20 };

function fitSize(env: Env, name: string, size: Bytes): Bytes {
  const sizes = env.driver.traits.sizes;
  if (sizes === undefined) return size;
  const step = sizes.step ?? 1;
  const fitted = bytes(Math.ceil(size / step) * step);
  const max = sizes.max ?? Number.MAX_SAFE_INTEGER;
  if (fitted < sizes.min || fitted > max) {
    throw new VolumeError(
      'out_of_range',
      `Volume "${name}" cannot be ${formatBytes(size)}: service "${env.service}" makes volumes from ${formatBytes(sizes.min)}${sizes.max === undefined ? '' : ` to ${formatBytes(sizes.max)}`}.`,
      {
        details: { min: sizes.min, ...(sizes.max !== undefined && { max: sizes.max }) },
        hint: 'Ask for another size.',
      },
    );
  }
  return fitted;
}

/** @throws `out_of_range` when the file system does not fit into the size */
export function assertFsFits(env: Env, name: string, o: { readonly sizeBytes: Bytes; readonly fsType: FsType }): void {
  const min = FS_MIN[o.fsType];
  if (env.driver.traits.sizes === undefined || o.sizeBytes >= min) return;
  throw new VolumeError(
    'out_of_range',
    `Volume "${name}" cannot be ${formatBytes(o.sizeBytes)}: ${o.fsType} needs at least ${formatBytes(min)}.`,
    {
      details: { min },
      hint: `Ask for more, or for another file system (${FS_TYPES.join(', ')}).`,
    },
  );
}

/** What a create is compared with. */
export type Existing = Pick<Volume, 'name' | 'sizeBytes' | 'fsType' | 'format' | 'hints'>;
export function existing(v: DriverVolume): Existing {
  const { format, hints } = v.record;
  return {
    name: v.name,
    sizeBytes: v.sizeBytes,
    format: format.state,
    hints,
    ...(format.state !== 'none' && { fsType: format.fsType }),
  };
}

/** What was asked for and is not so; an existing volume is never changed by a create (S3). */
export function differences(
  env: Env,
  v: Existing,
  o: CreateOptions,
): { notes: string[]; conflict: VolumeError | undefined } {
  const notes: string[] = [];
  if (o.fsType !== undefined && v.fsType !== undefined && v.fsType !== o.fsType)
    notes.push(`fsType ${o.fsType} was asked for; it exists with ${v.fsType} and was not changed`);
  if (o.overwriteFs === true && v.format === 'formatted')
    notes.push('overwriteFs was asked for; an existing file system is never overwritten by a create');
  for (const k of ['iops', 'type', 'availabilityZone'] as const) {
    const asked = o.hints?.[k];
    if (asked !== undefined && v.hints[k] !== asked)
      notes.push(`${k} ${asked} was asked for; it exists with ${v.hints[k] ?? 'none'}`);
  }
  if (o.size === undefined) return { notes, conflict: undefined };
  const size = toBytes(o.size);
  if (size < v.sizeBytes) notes.push(`size ${formatBytes(size)} was asked for; it has ${formatBytes(v.sizeBytes)}`);
  if (v.sizeBytes === 0 || size <= v.sizeBytes) return { notes, conflict: undefined };
  return {
    notes,
    conflict: new VolumeError(
      'already_exists',
      `Volume "${v.name}" of service "${env.service}" exists with ${formatBytes(v.sizeBytes)}; ${formatBytes(size)} was asked for.`,
      {
        details: { differs: { size: { have: v.sizeBytes, asked: size } } },
        hint: 'Expand it, or ask for at most its size.',
      },
    ),
  };
}
