import { FS_TYPES, STORAGE_OPS } from '@rexray/core';
import { type TSchema, Type } from '@rexray/core/schema';
import type { TObject, TProperties } from 'typebox';

/** What agents ask with (closed objects), and what they are answered (open ones): the driver interface of core as JSON. */

const opt = Type.Optional;
const strict = <P extends TProperties>(properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false }) as TObject<P>;
const word = (description: string, maxLength = 4096): ReturnType<typeof Type.String> =>
  Type.String({ minLength: 1, maxLength, description });
const uuid = Type.String({ minLength: 1, maxLength: 64 });
const number = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const strings = Type.Record(Type.String(), Type.String({ maxLength: 4096 }));
const fsType = Type.Union(FS_TYPES.map((t) => Type.Literal(t)));
const options = Type.Record(Type.String(), Type.Unknown(), { description: 'The driver’s own per-volume options' });

const node = word('The node for which it is asked', 256);
const sizeBytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In bytes' });
const hints = strict({
  iops: opt(Type.Number({ minimum: 0 })),
  type: opt(Type.String({ maxLength: 256 })),
  availabilityZone: opt(Type.String({ maxLength: 256 })),
});
const owner = strict({ uid: opt(number), gid: opt(number), mode: opt(Type.Integer({ minimum: 0, maximum: 0o7777 })) });
const mkfs = opt(strings);
const format = Type.Union([
  strict({ state: Type.Literal('blank'), fsType, consent: opt(Type.Boolean()), mkfs }),
  strict({
    state: Type.Literal('formatting'),
    fsType,
    plannedUuid: uuid,
    epoch: number,
    wipes: opt(uuid),
    mkfs,
  }),
  strict({ state: Type.Literal('formatted'), fsType, uuid }),
  strict({ state: Type.Literal('none') }),
]);
const recordProperties = {
  format,
  hints,
  labels: strings,
  owner,
  blockSize: opt(number),
  copied: opt(Type.Boolean()),
  dataDir: opt(Type.String({ maxLength: 4096 })),
  mountOptions: opt(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
  readOnly: opt(Type.Boolean()),
};
const record = strict(recordProperties);
const patch = Type.Partial(record, { additionalProperties: false });
const spec = strict({
  sizeBytes,
  record,
  params: options,
  asked: Type.Array(Type.Union([Type.Literal('size'), Type.Literal('params')]), { maxItems: 2 }),
});
const name = word('Name of the new volume', 256);

/** What the machine of an agent knows of itself. */
export const Facts = strict({
  nodeId: word('The uuid of the node', 256),
  hostname: Type.String({ maxLength: 256 }),
  bootId: word('Changes with every boot', 256),
  macs: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1024 }),
  instance: opt(word('What the platform calls the machine', 256)),
});
export const IdentityQuery = strict({ expected: opt(word('What the agent knew before')) });
const limit = opt(Type.Integer({ minimum: 1, maximum: 1000, description: 'Items of a page' }));
const cursor = opt(word('`next` of the page before'));
export const StorageListQuery = strict({ limit, cursor });
export const StorageSnapshotQuery = strict({ volumeId: opt(word('Only of this volume')), limit, cursor });
export const FindQuery = strict({ name: word('Name of a volume', 256) });
export const NodeQuery = strict({ node });
export const StorageCreate = strict({ name, spec });
export const StorageAttach = strict({
  node,
  bootId: word('Boot of that node', 256),
  readonly: Type.Boolean(),
  force: Type.Union([Type.Boolean(), Type.Literal('unsafe')], {
    description: 'Take it from its owner by the driver’s fencing; `unsafe`: without',
  }),
});
export const StorageDetach = strict({ node, force: opt(Type.Boolean()) });
export const Mark = strict({ patch, ifRevision: word('Revision that was read: compared before anything is written') });
export const StorageExpand = strict({ sizeBytes });
export const StorageModify = strict({ change: strict({ params: opt(options), hints: opt(hints) }) });
export const StorageAdopt = strict({ name, record });
export const StorageNode = strict({ node });
export const Sweep = strict({ node, bootId: word('Boot of that node', 256) });
export const StorageSnapshotCreate = strict({
  name: word('Name of the new snapshot', 256),
  consistency: Type.Union([Type.Literal('clean'), Type.Literal('crash')]),
});

const text = (description: string): TSchema => Type.String({ description });
const anything = (description: string): TSchema => Type.Record(Type.String(), Type.Unknown(), { description });
const DriverVolume = Type.Object(
  {
    id: text('The driver’s own key'),
    name: Type.String(),
    sizeBytes: Type.Integer({ minimum: 0 }),
    createdAt: opt(Type.String({ format: 'date-time' })),
    attachments: Type.Array(Type.Object({ node: Type.String(), epoch: Type.Integer() })),
    record: Type.Object({ revision: Type.String() }, { description: 'What is known about it, kept with the storage' }),
    params: Type.Unknown(),
    foreign: opt(Type.Boolean()),
    status: opt(anything('The driver’s own words')),
  },
  { title: 'DriverVolume' },
);
const DriverSnapshot = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    volumeId: Type.String(),
    volumeName: Type.String(),
    sizeBytes: Type.Integer({ minimum: 0 }),
    record: anything('The record of its volume when it was taken'),
    consistency: Type.Union([Type.Literal('clean'), Type.Literal('crash')]),
  },
  { title: 'DriverSnapshot' },
);
const page = (title: string, items: TSchema): TSchema =>
  Type.Object(
    { items: Type.Array(items), next: opt(text('Cursor of the following page')), partial: opt(Type.String()) },
    { title },
  );

export const STORAGE_ANSWERS = {
  DriverVolume,
  DriverSnapshot,
  DriverVolumePage: page('DriverVolumePage', DriverVolume),
  DriverSnapshotPage: page('DriverSnapshotPage', DriverSnapshot),
  Found: Type.Object({ volume: opt(DriverVolume) }, { title: 'Found', description: 'Without volume: there is none' }),
  StorageAbout: Type.Object(
    {
      node: text('Which node of the platform the agent is'),
      service: Type.String(),
      driver: Type.String(),
      traits: anything('Facts about the storage'),
      verbs: Type.Array(Type.Unsafe<string>({ type: 'string', enum: [...STORAGE_OPS] }), {
        description: 'Optional verbs that the driver has',
      }),
      paramsSchema: anything('JSON Schema of the per-volume options'),
      identity: text('The place that the storage is (S9)'),
    },
    { title: 'StorageAbout' },
  ),
  Identity: Type.Object({ identity: Type.String() }, { title: 'Identity' }),
  Attachment: Type.Object(
    { kind: Type.Union(['file', 'disk', 'share', 'dir'].map((k) => Type.Literal(k))) },
    { title: 'Attachment', description: 'How the node reaches the volume; what else stands in it depends on `kind`' },
  ),
  Ownership: Type.Object(
    { mine: Type.Boolean(), node: opt(Type.String()), epoch: Type.Integer(), releaseAsked: opt(Type.String()) },
    { title: 'Ownership' },
  ),
  Swept: Type.Object({ items: Type.Array(Type.String()) }, { title: 'Swept' }),
} as const;
