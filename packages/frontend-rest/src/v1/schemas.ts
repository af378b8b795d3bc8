import { Type } from '@rexray/core/schema';
import type { TObject, TProperties } from 'typebox';

const opt = Type.Optional;
const closed = <P extends TProperties>(p: P): TObject<P> =>
  Type.Object(p, { additionalProperties: false }) as TObject<P>;
const opts = opt(Type.Record(Type.String(), Type.Unknown()));
const name = Type.String({ minLength: 1, maxLength: 4096 });

/** Bodies of libStorage, as its schema (draft-04, `https://github.com/rexray/libstorage`) has them. `opts` is read and has no effect. */
export const CreateRequest = closed({
  name,
  availabilityZone: opt(Type.String({ maxLength: 256 })),
  encrypted: opt(Type.Boolean()),
  encryptionKey: opt(Type.String({ maxLength: 4096 })),
  iops: opt(Type.Integer({ minimum: 0 })),
  size: opt(Type.Integer({ minimum: 0, maximum: 2 ** 40 })),
  type: opt(Type.String({ maxLength: 256 })),
  opts,
});
export const AttachRequest = closed({
  nextDeviceName: opt(Type.String({ maxLength: 256 })),
  force: opt(Type.Boolean()),
  opts,
});
export const DetachRequest = closed({ force: opt(Type.Boolean()), opts });
export const CopyRequest = closed({ volumeName: name, opts });
export const SnapshotRequest = closed({ snapshotName: name, opts });
export const SnapshotCopyRequest = closed({ snapshotName: name, destinationID: name, opts });
