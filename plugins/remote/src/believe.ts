import {
  type Attachment,
  type DiskMatch,
  type DriverSnapshot,
  type DriverVolume,
  type Page,
  type StorageAbout,
  VolumeError,
} from '@rexray/core';
import { type Static, type TSchema, Type, Value } from '@rexray/core/schema';

/** What a server may say, whatever it is: the shapes that the rest of this program relies on (S22). */

const opt = Type.Optional;
const text = Type.String();
const count = Type.Integer({ minimum: 0 });
const strings = Type.Record(text, text);
const fsType = Type.Union([Type.Literal('ext4'), Type.Literal('xfs'), Type.Literal('btrfs')]);
/** The only form in which a UUID reaches mkfs. */
const uuid = Type.String({ pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' });
const format = Type.Union([
  Type.Object({ state: Type.Literal('blank'), fsType, consent: opt(Type.Boolean()), mkfs: opt(strings) }),
  Type.Object({
    state: Type.Literal('formatting'),
    fsType,
    plannedUuid: uuid,
    epoch: count,
    wipes: opt(text),
    mkfs: opt(strings),
  }),
  Type.Object({ state: Type.Literal('formatted'), fsType, uuid: text }),
  Type.Object({ state: Type.Literal('none') }),
]);
const record = Type.Object({
  format,
  hints: Type.Object({}),
  labels: strings,
  owner: Type.Object({ uid: opt(count), gid: opt(count), mode: opt(count) }),
  blockSize: opt(count),
  copied: opt(Type.Boolean()),
  dataDir: opt(text),
  mountOptions: opt(Type.Array(text)),
  readOnly: opt(Type.Boolean()),
});
const Volume = Type.Object({
  id: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  sizeBytes: count,
  createdAt: opt(text),
  attachments: Type.Array(Type.Object({ node: text, epoch: count, bootId: opt(text), since: opt(text) })),
  record: Type.Intersect([record, Type.Object({ revision: text })]),
  params: Type.Unknown(),
  foreign: opt(Type.Boolean()),
  status: opt(Type.Record(text, Type.Unknown())),
});
const Snapshot = Type.Object({
  id: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  volumeId: text,
  volumeName: text,
  sizeBytes: count,
  createdAt: opt(text),
  consistency: Type.Union([Type.Literal('clean'), Type.Literal('crash')]),
  record,
});
const page = (items: TSchema) => Type.Object({ items: Type.Array(items), next: opt(text), partial: opt(text) });
const Found = Type.Object({ volume: opt(Volume) });
const readonly = opt(Type.Boolean());
const Reach = Type.Union([
  Type.Object({ kind: Type.Literal('file'), path: text, readonly }),
  Type.Object({ kind: Type.Literal('dir'), path: text, readonly }),
  Type.Object({
    kind: Type.Literal('share'),
    fsType: text,
    source: text,
    options: Type.Array(text),
    readonly,
  }),
  Type.Object({
    kind: Type.Literal('disk'),
    match: Type.Object({
      serial: opt(text),
      wwn: opt(text),
      byId: opt(text),
      path: opt(text),
      sizeBytes: opt(count),
    }),
    readonly,
  }),
]);
const size = Type.Object({ min: count, max: opt(count), step: opt(count) });
const About = Type.Object({
  node: Type.String({ minLength: 1 }),
  service: text,
  driver: text,
  identity: Type.String({ minLength: 1 }),
  verbs: Type.Array(text),
  paramsSchema: Type.Record(text, Type.Unknown()),
  traits: Type.Object({
    scope: Type.Union([Type.Literal('local'), Type.Literal('global')]),
    multiWriter: Type.Boolean(),
    fencing: Type.Union(['detach', 'switch', 'none'].map((f) => Type.Literal(f))),
    sizes: opt(size),
    maxAttachments: opt(count),
    fsTypes: opt(Type.Array(fsType)),
    durable: opt(Type.Boolean()),
  }),
});

function believed<S extends TSchema>(shape: S, answer: unknown, what: string): Static<S> {
  if (Value.Check(shape, answer)) return answer as Static<S>;
  const [fault] = [...Value.Errors(shape, answer)] as { instancePath?: string; message?: string }[];
  const found = `${fault?.instancePath || 'it'} ${fault?.message ?? 'does not fit'}`;
  throw new VolumeError('unavailable', `What the server answers is not ${what}: ${found}.`, {
    details: { expected: what, found },
    hint: 'Nothing was done with it. Is it a server of this version?',
  });
}

// The shapes say what is relied upon; the types of core say the rest.
export const volume = <P>(x: unknown): DriverVolume<P> => believed(Volume, x, 'a volume') as unknown as DriverVolume<P>;
export const found = <P>(x: unknown): DriverVolume<P> | undefined =>
  believed(Found, x, 'a volume or none').volume as unknown as DriverVolume<P> | undefined;
export const volumes = <P>(x: unknown): Page<DriverVolume<P>> =>
  believed(page(Volume), x, 'a page of volumes') as unknown as Page<DriverVolume<P>>;
export const snapshot = (x: unknown): DriverSnapshot =>
  believed(Snapshot, x, 'a snapshot') as unknown as DriverSnapshot;
export const snapshots = (x: unknown): Page<DriverSnapshot> =>
  believed(page(Snapshot), x, 'a page of snapshots') as unknown as Page<DriverSnapshot>;
export const about = (x: unknown): StorageAbout => believed(About, x, 'a storage') as unknown as StorageAbout;

/**
 * What is said of the way to a volume, and no more: marked, so that files and directories count below allowed directories
 * only. Which inode an image is, this node finds out itself: a server's numbers mean nothing here.
 */
export function attachment(x: unknown): Attachment {
  const a = believed(Reach, x, 'an attachment');
  const own = { elsewhere: true as const, ...(a.readonly === true && { readonly: true }) };
  if (a.kind === 'share') return { kind: a.kind, fsType: a.fsType, source: a.source, options: a.options, ...own };
  if (a.kind !== 'disk') return { kind: a.kind, path: a.path, ...own };
  const { serial, wwn, byId, path, sizeBytes } = a.match;
  const match = Object.entries({ serial, wwn, byId, path, sizeBytes }).filter(([, v]) => v !== undefined);
  return { kind: a.kind, match: Object.fromEntries(match) as DiskMatch, ...own };
}
