import type { CallOptions, CreateOptions, MountOptions, Volume } from '@rexray/core';
import { FS_TYPES, PLANNED } from '@rexray/core';
import { type Static, Type } from '@rexray/core/schema';
import type { TObject, TProperties } from 'typebox';

/** What the interface is asked with: closed objects, an unknown property is `invalid`. */

const opt = Type.Optional;
const strict = <P extends TProperties>(properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false }) as TObject<P>;

const Size = Type.Union(
  [Type.String({ maxLength: 40 }), Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })],
  {
    description: 'A size with its unit (`16GiB`, `512MiB`, `10g`, `5GB`), or a whole number of bytes',
  },
);
const fsType = Type.Union(FS_TYPES.map((t) => Type.Literal(t)));
const word = (description: string): ReturnType<typeof Type.String> =>
  Type.String({ minLength: 1, maxLength: 4096, description });
const strings = Type.Record(Type.String(), Type.String({ maxLength: 4096 }));
const Hints = strict({
  iops: opt(Type.Number({ minimum: 0 })),
  type: opt(Type.String({ maxLength: 256 })),
  availabilityZone: opt(Type.String({ maxLength: 256 })),
});
const Preempt = Type.Union([Type.Boolean(), Type.Literal('unsafe')], {
  description: 'Take the volume from another node; `unsafe`: without proof that the other one stopped writing',
});
const params = Type.Record(Type.String(), Type.Unknown(), { description: 'The driver’s own per-volume options' });

const copyProperties = {
  size: opt(Size),
  fsType: opt(fsType),
  labels: opt(strings),
  params: opt(params),
  hints: opt(Hints),
  encrypted: opt(Type.Boolean({ description: 'A guarantee: `unsupported` where the driver cannot encrypt' })),
  encryptionKey: opt(Type.String({ maxLength: 4096, writeOnly: true })),
  owner: opt(
    strict({
      uid: opt(Type.Integer({ minimum: 0 })),
      gid: opt(Type.Integer({ minimum: 0 })),
      mode: opt(Type.Integer({ minimum: 0, maximum: 0o7777, description: 'Permission bits as a number: 448 is 0700' })),
    }),
  ),
  mkfs: opt(strings),
  mountOptions: opt(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
  readOnly: opt(Type.Boolean()),
};

export const Create = strict({
  name: word('Name of the new volume'),
  ...copyProperties,
  overwriteFs: opt(
    Type.Boolean({
      description: 'Consent to format although nothing proves that the new device is blank; never wipes twice',
    }),
  ),
  from: opt(
    Type.Union([
      strict({ snapshot: word('Name of a snapshot') }),
      strict({ volume: word('Name of a volume') }),
      strict({ volumeId: word('Id of a volume') }),
      strict({ snapshotId: word('Id of a snapshot') }),
    ]),
  ),
});
export const Copy = strict({ to: word('Name of the new volume'), ...copyProperties });
export const Expand = strict({ size: Size });
export const Modify = strict({ params: opt(params), hints: opt(Hints), labels: opt(strings) });
export const Adopt = strict({ id: word('The driver’s id of the foreign volume'), as: word('Its name from now on') });
export const Format = strict({
  wipe: word('UUID of the file system that is there now: compared before anything is wiped'),
  fsType: opt(fsType),
});
export const Attach = strict({ preempt: opt(Preempt), readOnly: opt(Type.Boolean()) });
export const Detach = strict({ force: opt(Type.Boolean()) });
const holder = Type.String({
  minLength: 1,
  maxLength: 600,
  description: 'Who needs it: `class:id`, or a class alone such as `cli`',
});
export const Mount = strict({
  holder,
  preempt: opt(Preempt),
  readOnly: opt(Type.Boolean()),
  mountOptions: opt(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
  subdir: opt(Type.String({ maxLength: 4096, description: 'Sub-directory to return; `/` = root of the file system' })),
  pid: opt(Type.Integer({ minimum: 1, description: 'Process that needs it' })),
});
export const Unmount = strict({
  holder,
  all: opt(Type.Boolean({ description: 'Every count of this holder' })),
  once: opt(Type.Boolean({ description: 'One count, whatever unmount.ignoreUsedCount says' })),
});
export const SnapshotCreate = strict({
  snapshot: word('Name of the new snapshot'),
  freeze: opt(Type.Boolean({ description: 'Default true: a mounted file system is frozen meanwhile' })),
});
export const PlanAsk = strict({
  op: Type.Unsafe<(typeof PLANNED)[number]>({ type: 'string', enum: [...PLANNED] }),
  name: word('The verb’s first argument: mostly the volume'),
  options: opt(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'The verb’s other arguments, as its own route takes them',
    }),
  ),
});

const STATES: readonly Volume['state'][] = ['available', 'attached', 'mounted', 'unavailable', 'foreign'];
const limit = opt(Type.Integer({ minimum: 1, maximum: 1000, description: 'Items of a page; default 100' }));
const cursor = opt(Type.String({ minLength: 1, maxLength: 4096, description: '`next` of the page before' }));
export const ListQuery = strict({
  prefix: opt(Type.String({ maxLength: 256 })),
  label: opt(
    Type.Array(Type.String({ maxLength: 4200, pattern: '^[^=]+=' }), {
      maxItems: 64,
      description: '`key=value`; repeated: all must hold',
    }),
  ),
  name: opt(
    Type.Array(Type.String({ maxLength: 256 }), { maxItems: 256, description: 'Repeated: one of these names' }),
  ),
  state: opt(
    Type.Array(Type.Unsafe<Volume['state']>({ type: 'string', enum: [...STATES] }), {
      maxItems: STATES.length,
      description: 'Repeated: in one of these states, as the server’s node sees them',
    }),
  ),
  node: opt(Type.String({ minLength: 1, maxLength: 256, description: 'Attached to this node' })),
  limit,
  cursor,
});
export const SnapshotListQuery = strict({ volume: opt(Type.String({ maxLength: 4096 })), limit, cursor });
export const HolderListQuery = strict({ volume: opt(Type.String({ maxLength: 4096 })) });
export const RemoveQuery = strict({ force: opt(Type.Boolean()) });
export const EventsQuery = strict({
  type: opt(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 64,
      description: 'Names of events, repeated or with commas; default: all but `op.step` and `op.progress`',
    }),
  ),
  service: opt(Type.String({ maxLength: 256 })),
  volume: opt(Type.String({ maxLength: 256 })),
});
export const WaitQuery = strict({
  waitMs: opt(
    Type.Integer({
      minimum: 0,
      maximum: 25_000,
      description: 'Answer when it has ended, at the latest after so many ms',
    }),
  ),
});
export const NoQuery = strict({});
/** Query parameters of every verb, and of those that change something. */
export const CallQuery = {
  timeoutMs: opt(
    Type.Integer({
      minimum: 1,
      maximum: 2 ** 31 - 1,
      description: 'Deadline of the verb; it answers `timeout` after it',
    }),
  ),
};
export const DryRunQuery = {
  dryRun: opt(Type.Boolean({ description: 'Answer the plan of the call, and change nothing' })),
};

// Compile-time: an option that core has and the wire does not know is an error here, not a surprise at a caller's.
type Lacks<O, A> = Exclude<keyof O, keyof CallOptions | keyof A>;
type Whole<L extends never> = L;
export type Checked = Whole<Lacks<CreateOptions, Static<typeof Create>> | Lacks<MountOptions, Static<typeof Mount>>>;
