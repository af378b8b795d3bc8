import type { CallOptions } from '../../context.ts';
import type { Verb } from '../verb.ts';
import { type UnmountOptions, unmount } from './unmount.ts';

/** A person drops a leaked holder, whatever its count; the last one really unmounts. */
export const holderRelease: Verb<
  readonly [string, string, CallOptions | undefined],
  Awaited<ReturnType<typeof unmount.gather>>,
  void
> = {
  op: 'holders.release',
  locks: ([volume]) => [volume],
  gather: (scope, [volume, holder, o], ctx) =>
    unmount.gather(scope, [volume, { ...o, holder, all: true } as UnmountOptions], ctx),
  steps: unmount.steps,
  result: unmount.result,
};
