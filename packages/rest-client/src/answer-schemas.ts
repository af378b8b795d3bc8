import { CODES, FS_TYPES, OPS, PLANNED } from '@rexray/core';
import { type TSchema, Type } from '@rexray/core/schema';
import { STORAGE_ANSWERS } from './storage-schemas.ts';

/** What the interface answers with. Open for further properties: a client must ignore what it does not know. */

const opt = Type.Optional;
const text = (description: string): TSchema => Type.String({ description });
const when = (description: string): TSchema => Type.String({ format: 'date-time', description });
const sizeBytes = Type.Integer({ minimum: 0, description: 'In bytes; 0 = not limited' });
const strings = Type.Record(Type.String(), Type.String());
const fsType = Type.Union(FS_TYPES.map((t) => Type.Literal(t)));
const oneOf = (words: readonly string[], description?: string): TSchema =>
  Type.Unsafe<string>({ type: 'string', enum: [...words], ...(description !== undefined && { description }) });

const Hints = Type.Object({
  iops: opt(Type.Number()),
  type: opt(Type.String()),
  availabilityZone: opt(Type.String()),
});

const Holder = Type.Object(
  {
    holder: text('`class:id` or a class alone: `engine:<id>`, `dvdcli`, `cli`, `csi:<path>`, `sdk:<id>`'),
    volume: Type.String(),
    service: Type.String(),
    count: Type.Integer({ minimum: 1, description: 'Mounts of this holder; each needs its unmount' }),
    since: when('First mount of this holder'),
    pid: opt(Type.Integer()),
  },
  { title: 'Holder' },
);

const Volume = Type.Object(
  {
    name: Type.String(),
    id: text('The driver’s own key, unique for ever'),
    service: Type.String(),
    driver: Type.String(),
    sizeBytes,
    createdAt: opt(when('Absent where unknown')),
    state: oneOf(['available', 'attached', 'mounted', 'unavailable', 'foreign'], 'As this node sees it'),
    fsType: opt(fsType),
    format: oneOf(['blank', 'formatting', 'formatted', 'none']),
    fsUuid: opt(Type.String()),
    attachments: Type.Array(
      Type.Object({ node: Type.String(), here: Type.Boolean(), epoch: Type.Integer(), since: opt(when('Claimed')) }),
    ),
    mountpoint: opt(text('What a container gets; present while mounted on this node')),
    mountRoot: opt(text('Root of the mounted file system')),
    holders: Type.Array(Holder),
    hints: Hints,
    labels: strings,
    params: Type.Unknown({ description: 'The driver’s own per-volume options' }),
    readOnly: Type.Boolean(),
    notes: Type.Array(Type.String(), { description: 'What a person should know' }),
    status: Type.Record(Type.String(), Type.Unknown(), { description: 'The driver’s own words' }),
  },
  { title: 'Volume' },
);

const Snapshot = Type.Object(
  {
    name: Type.String(),
    id: Type.String(),
    service: Type.String(),
    volume: Type.String(),
    sizeBytes,
    createdAt: opt(when('Absent where unknown')),
    consistency: oneOf(['clean', 'crash']),
    labels: strings,
  },
  { title: 'Snapshot' },
);

const page = (title: string, items: TSchema): TSchema =>
  Type.Object(
    {
      items: Type.Array(items),
      next: opt(text('Cursor of the following page; absent at the end')),
      partial: opt(text('Why some are missing')),
    },
    { title },
  );

const Mount = Type.Object(
  {
    volume: Type.String(),
    service: Type.String(),
    path: text('What the consumer uses: an absolute path that exists on the server’s node'),
    root: Type.String(),
    device: Type.String(),
    fsType: Type.String(),
    readOnly: Type.Boolean(),
    holders: Type.Array(Type.String()),
    notes: Type.Array(Type.String()),
  },
  { title: 'Mount' },
);

const ExpandResult = Type.Object(
  { volume: Volume, fileSystem: oneOf(['grown', 'next-mount', 'none']), why: opt(Type.String()) },
  { title: 'ExpandResult' },
);

const NodeInfo = Type.Object(
  { node: Type.String(), here: Type.Boolean(), hostname: opt(Type.String()), volumes: Type.Array(Type.String()) },
  { title: 'NodeInfo' },
);

const Space = Type.Object({ totalBytes: sizeBytes, freeBytes: sizeBytes }, { title: 'Space' });

const Plan = Type.Object(
  {
    op: oneOf(PLANNED),
    volume: Type.String(),
    service: Type.String(),
    steps: Type.Array(Type.Object({ step: Type.String(), does: Type.String(), maybe: opt(Type.Boolean()) })),
    forbidden: Type.Array(Type.Object({ code: Type.String(), message: Type.String(), hint: opt(Type.String()) }), {
      description: 'Why it would fail; empty: nothing known forbids it',
    }),
    noop: Type.Boolean(),
    notes: Type.Array(Type.String()),
  },
  { title: 'Plan' },
);

const ServiceInfo = Type.Object(
  {
    service: Type.String(),
    driver: Type.String(),
    default: Type.Boolean({ description: 'The service that is meant when none is named' }),
    traits: Type.Record(Type.String(), Type.Unknown()),
    can: Type.Record(Type.String(), Type.Boolean(), { description: `Verbs of the service: ${OPS.join(', ')}` }),
  },
  { title: 'ServiceInfo' },
);

const Progress = Type.Object(
  { phase: Type.String(), done: Type.Number(), total: opt(Type.Number()), unit: oneOf(['bytes', 'steps', 'ms']) },
  { title: 'Progress' },
);

const Problem = Type.Object(
  {
    type: text('`urn:rexray:error:<code>`'),
    title: text('What the code means'),
    status: Type.Integer(),
    detail: text('What failed, on which volume and service, what was found'),
    instance: opt(text('`urn:rexray:request:<request id>`')),
    code: oneOf(Object.keys(CODES)),
    details: Type.Record(Type.String(), Type.Unknown(), { description: 'For programs; its fields depend on the code' }),
    hint: opt(text('The next step, for a person')),
    volume: opt(Type.String()),
    service: opt(Type.String()),
    requestId: opt(Type.String()),
  },
  { title: 'Problem', description: 'RFC 9457' },
);

const Operation = Type.Object(
  {
    id: Type.String(),
    op: Type.String(),
    service: Type.String(),
    volume: Type.String(),
    requestId: Type.String(),
    state: oneOf(['running', 'canceling', 'done', 'failed', 'canceled']),
    startedAt: when('Begun'),
    endedAt: opt(when('Ended')),
    progress: opt(Progress),
    result: opt(Type.Unknown({ description: 'What the verb itself answers; present when `done`' })),
    problem: opt(Problem),
  },
  { title: 'Operation' },
);

const Health = Type.Object(
  {
    ok: Type.Boolean(),
    detail: opt(Type.String()),
    version: Type.String(),
    startedAt: when('Start of the server'),
    services: Type.Array(Type.String()),
    defaultService: opt(Type.String()),
    operations: Type.Integer({ description: 'Operations that run now' }),
  },
  { title: 'Health' },
);

/** Answers by name; each is a component of the OpenAPI document. */
export const ANSWERS = {
  ...STORAGE_ANSWERS,
  Volume,
  Holder,
  Snapshot,
  NodeInfo,
  Mount,
  ExpandResult,
  Space,
  Plan,
  Progress,
  Problem,
  ServiceInfo,
  Operation,
  Health,
  VolumePage: page('VolumePage', Volume),
  SnapshotPage: page('SnapshotPage', Snapshot),
  Holders: Type.Object({ items: Type.Array(Holder) }, { title: 'Holders' }),
  Nodes: Type.Object({ items: Type.Array(NodeInfo) }, { title: 'Nodes' }),
  Services: Type.Object({ items: Type.Array(ServiceInfo) }, { title: 'Services' }),
  Operations: Type.Object({ items: Type.Array(Operation) }, { title: 'Operations' }),
} as const;
export type AnswerName = keyof typeof ANSWERS;
