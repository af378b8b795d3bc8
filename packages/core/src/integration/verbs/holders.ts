import type { CallOptions, Ctx } from '../../context.ts';
import { VolumeError } from '../../errors.ts';
import type { Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { type UnmountOptions, unmount } from './unmount.ts';

type ReleaseOptions = {
  readonly idle?: 'check' | 'drop' | undefined;
  readonly count?: number | undefined;
} & CallOptions;
type UnmountWork = Awaited<ReturnType<typeof unmount.gather>>;
interface ReleaseWork extends UnmountWork {
  readonly idle: 'check' | 'drop' | undefined;
  readonly expected: number | undefined;
}

/** S18: of the device there is our own mount and nothing else: not in another mount namespace, not open, not bound elsewhere in ours. */
const proveIdle: Step<ReleaseWork> = {
  name: 'prove-idle',
  does: () => 'prove that nothing but our own mount has it',
  async run(c, ctx) {
    const attachment = c.nv?.attachment;
    const device = attachment === undefined ? undefined : await c.session.find(attachment, ctx);
    if (device === undefined) return;
    const users = await c.session.users(device, ctx);
    const bound = await boundElsewhere(c, ctx);
    if (users.length === 0 && bound.length === 0) return;
    const who = [...users.slice(0, 5).map((u) => `pid ${u.pid} (${u.command})`), ...bound.slice(0, 5)];
    throw new VolumeError('in_use', `Volume "${c.name}" of service "${c.env.service}" is in use: ${who.join(', ')}.`, {
      details: { pids: users.map((u) => u.pid), holders: [c.holder] },
    });
  },
};

/** Block devices only: a directory shares its device number with everything beside it. */
async function boundElsewhere(c: ReleaseWork, ctx: Ctx): Promise<readonly string[]> {
  const mount = c.nv?.mount;
  const kind = c.nv?.attachment?.kind;
  if (mount === undefined || (kind !== 'file' && kind !== 'disk')) return [];
  const rows = await c.env.host.mounts('/', ctx);
  return rows.filter((r) => r.devno === mount.devno && r.target !== mount.target).map((r) => `mount ${r.target}`);
}

/** A person drops a leaked holder, whatever its count; the last one really unmounts. */
export const holderRelease: Verb<readonly [string, string, ReleaseOptions | undefined], ReleaseWork, void> = {
  op: 'holders.release',
  locks: ([volume]) => [volume],
  async gather(scope, [volume, holder, o], ctx) {
    const work = await unmount.gather(scope, [volume, { ...o, holder, all: true } as UnmountOptions], ctx);
    return Object.assign(work, { idle: o?.idle, expected: o?.count });
  },
  forbid(c) {
    const count = c.nv?.holders[c.holder]?.count ?? 0;
    if (c.expected === undefined || c.expected === count) return undefined;
    return new VolumeError(
      'busy',
      `Holder ${c.holder} of volume "${c.name}" changed meanwhile: it counts ${count}, not ${c.expected}.`,
      { details: { op: 'holders.release' } },
    );
  },
  steps(c) {
    if (c.idle === undefined) return unmount.steps(c);
    return c.idle === 'check' ? [proveIdle] : [proveIdle, ...unmount.steps(c)];
  },
  result(c, ctx) {
    if (c.idle !== 'check') unmount.result(c, ctx);
  },
};
