import type { CreateOptions, Snapshot, Volume } from '../../api.ts';
import type { CallOptions, Ctx } from '../../context.ts';
import type { DriverSnapshot, DriverVolume, VolumeSpec } from '../../driver.ts';
import { notFound, VolumeError } from '../../errors.ts';
import { assertName } from '../../names.ts';
import { nearest } from '../../schema.ts';
import { assertHostOptions } from '../ask.ts';
import type { Env } from '../env.ts';
import { claimedError, find, findSnapshot, here, snapshotVerbs, unsupported } from '../facts.ts';
import { type CopyWork, consistencyOf, mountedHere, quiesced, refuseFormatting } from '../quiesce.ts';
import { about, type Step, type Steppable } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { snapshotView, view } from '../view.ts';
import { need } from '../work.ts';
import { disabled } from './create.ts';
import { workOn } from './gather.ts';
import { differences, existing, specOf } from './spec.ts';

type CopyOptions = Omit<CreateOptions, 'from' | 'overwriteFs'>;
interface Target {
  readonly to: string;
  readonly existing: DriverVolume | undefined;
  readonly spec: VolumeSpec | undefined;
  made?: DriverVolume;
}

async function target(
  env: Env,
  to: string,
  o: CopyOptions,
  source: { sizeBytes: DriverVolume['sizeBytes']; record: DriverVolume['record'] },
  ctx: Ctx,
): Promise<Target> {
  assertName(to);
  const there = await find(env, to, ctx);
  const { revision: _revision, ...record } = source.record;
  if (there !== undefined) return { to, existing: there, spec: undefined };
  const spec = specOf(env, to, o, { sizeBytes: source.sizeBytes, record });
  await assertHostOptions(env, { format: record.format, mountOptions: o.mountOptions }, ctx);
  return { to, existing: undefined, spec };
}

/** A copy whose source we can no longer name exactly is compared by what was asked, like any create. */
function targetConflict(env: Env, t: Target, o: CopyOptions): VolumeError | undefined {
  if (t.existing !== undefined) return differences(env, existing(t.existing), o).conflict;
  return env.policy.createDisable ? disabled(env, 'create', t.to) : undefined;
}

async function made(env: Env, t: Target, ctx: Ctx): Promise<Volume> {
  if (t.made !== undefined) env.events.emit('volume.created', about({ env, name: t.to }, ctx));
  return view(env, need(t.made ?? t.existing, 'the copy'), await here(env, t.to));
}

interface CloneWork extends CopyWork {
  readonly target: Target;
  readonly options: CopyOptions;
}
const cloneStep: Step<CloneWork> = {
  name: 'clone',
  does: (c) => `copy volume "${c.name}" to "${c.target.to}"`,
  async run(c, ctx) {
    c.target.made = await need(c.env.driver.clone, 'clone').call(
      c.env.driver,
      c.volume.id,
      c.target.to,
      need(c.target.spec, 'the spec'),
      ctx,
    );
  },
  async undo(c, ctx) {
    if (c.target.made !== undefined) await c.env.driver.remove(c.target.made.id, ctx);
  },
};

export const clone: Verb<readonly [string, string, CopyOptions | undefined], CloneWork, Volume> = {
  op: 'clone',
  locks: ([from, to]) => [from, to].sort(),
  async gather(scope, [from, to, o = {}], ctx) {
    if (scope.env.driver.clone === undefined) throw unsupported(scope.env, 'clone');
    const base = await workOn(scope, 'clone', from, ctx);
    return Object.assign(base, { freeze: true, target: await target(scope.env, to, o, base.volume, ctx), options: o });
  },
  forbid: (c) =>
    targetConflict(c.env, c.target, c.options) ??
    (c.target.existing === undefined
      ? (refuseFormatting(c) ?? (mountedHere(c) ? undefined : claimedError(c.env, c.volume)))
      : undefined),
  steps: (c) => (c.target.existing === undefined ? quiesced(cloneStep) : []),
  result: (c, ctx) => made(c.env, c.target, ctx),
};

interface SnapshotWork extends CopyWork {
  readonly snapshot: string;
  existing: DriverSnapshot | undefined;
  taken?: DriverSnapshot;
}
const snapshotStep: Step<SnapshotWork> = {
  name: 'snapshot',
  does: (c) => `take snapshot "${c.snapshot}" of volume "${c.name}"`,
  async run(c, ctx) {
    c.taken = await snapshotVerbs(c.env).create(c.volume.id, c.snapshot, { consistency: consistencyOf(c) }, ctx);
  },
  async undo(c, ctx) {
    if (c.taken !== undefined) await snapshotVerbs(c.env).remove(c.taken.id, ctx);
  },
};

export const snapshotCreate: Verb<
  readonly [string, string, ({ readonly freeze?: boolean | undefined } & CallOptions) | undefined],
  SnapshotWork,
  Snapshot
> = {
  op: 'snapshots.create',
  locks: ([volume]) => [volume],
  async gather(scope, [volume, snapshot, o], ctx) {
    snapshotVerbs(scope.env);
    assertName(snapshot, 'snapshot');
    const base = await workOn(scope, 'snapshots.create', volume, ctx);
    return Object.assign(base, {
      freeze: o?.freeze !== false,
      snapshot,
      existing: await findSnapshot(scope.env, snapshot, ctx),
    });
  },
  forbid(c) {
    if (c.existing !== undefined) {
      if (c.existing.volumeId === c.volume.id) return undefined;
      return new VolumeError(
        'already_exists',
        `Snapshot "${c.snapshot}" of service "${c.env.service}" exists, of volume "${c.existing.volumeName}".`,
        {
          details: { differs: { volume: { have: c.existing.volumeName, asked: c.name } } },
          hint: 'Use another name, or remove that snapshot.',
        },
      );
    }
    return (
      refuseFormatting(c) ??
      (mountedHere(c) || c.env.driver.traits.fencing === 'detach' ? undefined : claimedError(c.env, c.volume))
    );
  },
  steps: (c) => (c.existing === undefined ? quiesced(snapshotStep) : []),
  result(c, ctx) {
    if (c.taken !== undefined) c.env.events.emit('snapshot.created', { ...about(c, ctx), snapshot: c.snapshot });
    return snapshotView(c.env, need(c.taken ?? c.existing, 'the snapshot'));
  },
};

interface SnapshotOnly extends Steppable {
  readonly snapshot: DriverSnapshot | undefined;
}
export const snapshotRemove: Verb<readonly [string, CallOptions | undefined], SnapshotOnly, void> = {
  op: 'snapshots.remove',
  locks: () => [],
  async gather({ env }, [name], ctx) {
    assertName(name, 'snapshot');
    return { env, op: 'snapshots.remove', name, snapshot: await findSnapshot(env, name, ctx) };
  },
  forbid: (c) =>
    c.snapshot !== undefined && c.env.policy.removeDisable ? disabled(c.env, 'remove', c.name) : undefined,
  steps: (c) =>
    c.snapshot === undefined
      ? []
      : [
          {
            name: 'remove',
            does: () => `remove snapshot "${c.name}"`,
            run: (w, ctx) => snapshotVerbs(w.env).remove(need(w.snapshot, 'the snapshot').id, ctx),
          },
        ],
  result(c, ctx) {
    if (c.snapshot !== undefined)
      c.env.events.emit('snapshot.removed', {
        ...about({ env: c.env, name: c.snapshot.volumeName }, ctx),
        snapshot: c.name,
      });
  },
};

interface RestoreWork extends Steppable {
  readonly snapshot: DriverSnapshot;
  readonly target: Target;
  readonly options: CopyOptions;
}
export const snapshotRestore: Verb<readonly [string, string, CopyOptions | undefined], RestoreWork, Volume> = {
  op: 'snapshots.restore',
  locks: ([, to]) => [to],
  async gather({ env }, [name, to, o = {}], ctx) {
    const snapshot = await findSnapshot(env, name, ctx);
    if (snapshot === undefined)
      throw notFound(
        'Snapshot',
        name,
        nearest(
          name,
          (await snapshotVerbs(env).list({}, ctx)).items.map((s) => s.name),
        ),
        env.service,
      );
    return {
      env,
      op: 'snapshots.restore',
      name: to,
      snapshot,
      target: await target(env, to, o, snapshot, ctx),
      options: o,
    };
  },
  forbid: (c) => targetConflict(c.env, c.target, c.options),
  steps: (c) => (c.target.existing === undefined ? [restoreStep] : []),
  result: (c, ctx) => made(c.env, c.target, ctx),
};
const restoreStep: Step<RestoreWork> = {
  name: 'restore',
  does: (c) => `make volume "${c.target.to}" from snapshot "${c.snapshot.name}"`,
  async run(c, ctx) {
    c.target.made = await snapshotVerbs(c.env).restore(
      c.snapshot.id,
      c.target.to,
      need(c.target.spec, 'the spec'),
      ctx,
    );
  },
};
