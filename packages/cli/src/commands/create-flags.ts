import { type CreateOptions, VolumeError } from '@rexray/core';
import { OPTIONS, type OptionPair, parseOptions, splitOptionString } from '@rexray/core/options';

/** Flags of commands that make a volume; the values are read by the one table of string options. */
export interface CreateFlags {
  readonly size?: string;
  readonly iops?: string;
  readonly volumeType?: string;
  readonly fsType?: string;
  readonly overwriteFS?: boolean;
  readonly availabilityZone?: string;
  readonly encrypted?: boolean;
  readonly encryptionKey?: string;
  readonly snapshotID?: string;
  readonly snapshotName?: string;
  readonly volumeID?: string;
  readonly volumeName?: string;
  /** `-o key=value`, repeated */
  readonly opt?: readonly string[];
}

const FLAGS = [
  'size',
  'iops',
  'volumeType',
  'fsType',
  'overwriteFS',
  'availabilityZone',
  'encrypted',
  'encryptionKey',
  'snapshotID',
  'snapshotName',
  'volumeID',
  'volumeName',
] as const satisfies readonly (keyof CreateFlags)[];

/**
 * Flags as options of a create. Keys of `-o` that the table does not have belong to the driver, whose schema judges them.
 * @throws VolumeError `invalid` naming the key
 */
export function createOptions(flags: CreateFlags): CreateOptions<Record<string, unknown>> {
  const written = FLAGS.flatMap((name): OptionPair[] => {
    const value = flags[name];
    return value === undefined || value === false ? [] : [[name, String(value)]];
  });
  const more = (flags.opt ?? []).flatMap(splitOptionString);
  const known = more.filter(([key]) => isKnown(key));
  const params: Record<string, string> = {};
  for (const [key, value] of more.filter(([k]) => !isKnown(k))) {
    if (key === '')
      throw new VolumeError('invalid', 'An option has no name.', { details: { path: '-o', expected: 'key=value' } });
    params[key] = value;
  }
  return {
    ...parseOptions([...written, ...known]),
    ...(Object.keys(params).length > 0 && { params }),
  };
}

const NAMES = new Set(OPTIONS.flatMap((r) => [r.name, ...r.aliases]).map((n) => n.toLowerCase()));
function isKnown(key: string): boolean {
  const lower = key.toLowerCase();
  return NAMES.has(lower) || NAMES.has(`${lower.split('.')[0]}.`);
}
