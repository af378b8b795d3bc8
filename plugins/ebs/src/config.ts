import { type Static, schema, Type } from '@rexray/core/schema';

const text = (description: string, o: object = {}) => Type.String({ default: '', description, ...o });
const duration = (byDefault: string, description: string) =>
  Type.String({ default: byDefault, pattern: '^\\d+(\\.\\d+)?(ms|s|m|h)$', description });

/** The names of limits.ts, written out: a computed union has no static type. */
const volumeType = (o: { readonly description: string; readonly default?: string }) =>
  Type.Union(
    [
      Type.Literal('gp3'),
      Type.Literal('gp2'),
      Type.Literal('io2'),
      Type.Literal('io1'),
      Type.Literal('st1'),
      Type.Literal('sc1'),
      Type.Literal('standard'),
    ],
    o,
  );

const Config = Type.Object(
  {
    accessKey: text(
      'Access key; empty = the default chain of the AWS SDK (environment, profiles, SSO, IRSA, ECS, IMDSv2)',
    ),
    secretKey: text('Secret of the access key', { writeOnly: true }),
    sessionToken: text('Session token, for temporary keys', { writeOnly: true }),
    profile: text('Profile of the shared AWS configuration files'),
    region: text('Region; empty = AWS_REGION, else the one of the instance'),
    endpoint: text('Address of the EC2 API, with or without scheme; empty = the one of the region'),
    fips: Type.Boolean({ default: false, description: 'Use the FIPS endpoint of the region' }),
    maxRetries: Type.Integer({
      default: 10,
      minimum: 0,
      description: 'Repetitions of a call that failed for a passing reason',
    }),
    tag: text('Prefix of names: the `Name` tag is `<tag>/<name>`, written, searched and stripped'),
    rexrayTag: text('Accepted for REX-Ray files; like there, without effect'),
    tags: Type.Record(Type.String(), Type.String(), { default: {}, description: 'More tags for what is made here' }),
    clusterID: Type.String({
      default: 'rexray',
      pattern: '^[A-Za-z0-9_.:/=+@-]{1,128}$',
      description: 'Value of the tag `rexray:cluster`: services with another one do not touch each other’s volumes',
    }),
    legacy: Type.Optional(
      Type.Boolean({
        description:
          'Use volumes that REX-Ray made: a `Name` tag, no tag of ours. Default: true where `tag` is set (names below it), else false',
      }),
    ),
    legacyFsType: Type.Union([Type.Literal('ext4'), Type.Literal('xfs'), Type.Literal('btrfs')], {
      default: 'ext4',
      description: 'File system that volumes of REX-Ray are expected to hold; they are never formatted',
    }),
    kmsKeyID: text('KMS key of new volumes; a key implies encryption'),
    encrypted: Type.Boolean({ default: false, description: 'Encrypt new volumes that do not say' }),
    type: volumeType({ default: 'gp3', description: 'Volume type where neither option nor default names one' }),
    multiAttach: Type.Boolean({
      default: false,
      description:
        'Volumes are io2 (or io1) with Multi-Attach: several nodes have the raw device at once. Nothing is formatted or mounted',
    }),
    preempt: Type.Union([Type.Literal('any'), Type.Literal('when-instance-stopped')], {
      default: 'any',
      description: 'Force detach from any instance, or only from one that EC2 says is stopped or terminated',
    }),
    instanceID: text('Instance id of this node; empty = asked from the metadata service'),
    availabilityZone: text('Zone of new volumes; empty = the one of this node'),
    metadataEndpoint: text(
      'Address of the metadata service; empty = AWS_EC2_METADATA_SERVICE_ENDPOINT, else the usual one',
    ),
    useLargeDeviceRange: Type.Boolean({
      default: false,
      description:
        'On Xen instances, also use /dev/xvdba to /dev/xvdcz (Nitro instances always do: their names mean nothing)',
    }),
    requestTimeout: duration('15s', 'A reply that has not come after this is unknown: what became of it is read back'),
    statusMaxAttempts: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 30,
      description: 'With statusInitialDelay, bounds a wait: initialDelay × (2^attempts − 1), as REX-Ray’s schedule did',
    }),
    statusInitialDelay: duration('100ms', 'First look after a change of state'),
    statusTimeout: duration('2m', 'Bound of a wait for a state'),
    nvmeBinPath: text('Accepted for REX-Ray files; disks are found by serial, without nvme-cli'),
  },
  { additionalProperties: false },
);
export type EbsConfig = Static<typeof Config>;
export const configSchema = schema(Config);

const Params = Type.Object(
  {
    type: Type.Optional(volumeType({ description: 'Volume type' })),
    iops: Type.Optional(Type.Integer({ minimum: 1, description: 'Provisioned operations a second (gp3, io1, io2)' })),
    throughput: Type.Optional(Type.Integer({ minimum: 1, description: 'Provisioned MiB/s (gp3)' })),
    encrypted: Type.Optional(Type.Boolean({ description: 'Encrypt the volume' })),
    encryptionKey: Type.Optional(Type.String({ minLength: 1, description: 'KMS key; implies encrypted' })),
    availabilityZone: Type.Optional(Type.String({ minLength: 1, description: 'Zone of the volume' })),
  },
  { additionalProperties: false },
);
export type EbsParams = Static<typeof Params>;
export const paramsSchema = schema(Params);

/** What a driver made with `new` and only some settings runs with. */
export function withDefaults(c: Partial<EbsConfig>): EbsConfig {
  const r = configSchema['~standard'].validate(c);
  if (r.issues !== undefined) throw new TypeError(`ebs: ${r.issues[0]?.path?.join('.')} ${r.issues[0]?.message}`);
  return r.value;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `100ms`, `2m`: what the schema let through, in ms. */
export function milliseconds(written: string): number {
  const [, number = '0', unit = 'ms'] = /^([\d.]+)(\w+)$/.exec(written) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

/** Longest wait for a state: REX-Ray's schedule of doubling delays, and never over statusTimeout. */
export const waitBound = (c: EbsConfig): number =>
  Math.min(milliseconds(c.statusTimeout), milliseconds(c.statusInitialDelay) * (2 ** c.statusMaxAttempts - 1));
