import type { CreateOptions, Volume } from '../../api.ts';
import type { Ctx } from '../../context.ts';
import type { DriverVolume, VolumeSpec } from '../../driver.ts';
import { VolumeError } from '../../errors.ts';
import { assertName } from '../../names.ts';
import { assertHostOptions } from '../ask.ts';
import type { Env } from '../env.ts';
import { find, here } from '../facts.ts';
import { about, type Step, type Steppable } from '../steps.ts';
import type { Scope, Verb } from '../verb.ts';
import { view } from '../view.ts';
import { need } from '../work.ts';
import { assertFsFits, differences, existing, specOf } from './spec.ts';

interface CreateWork extends Steppable {
  readonly existing: DriverVolume | undefined;
  readonly spec: VolumeSpec | undefined;
  readonly conflict: VolumeError | undefined;
  readonly notes: string[];
  made?: DriverVolume;
}

export const PREFIX = 'libstorage.integration.volume.operations';

export function disabled(env: Env, verb: 'create' | 'remove', name: string): VolumeError<'denied'> {
  const key = `${PREFIX}.${verb}.disable`;
  return new VolumeError(
    'denied',
    `Volume "${name}" of service "${env.service}" is not ${verb}d: the configuration says ${key}: true.`,
    {
      details: { rule: key },
      hint: `Nothing was changed. Set ${key} to false to allow it.`,
    },
  );
}

async function gather(scope: Scope, [name, o]: readonly [string, CreateOptions], ctx: Ctx): Promise<CreateWork> {
  const { env } = scope;
  assertName(name);
  const there = await find(env, name, ctx);
  const base = { env, op: 'create', name, existing: there };
  if (there !== undefined) return { ...base, spec: undefined, ...differences(env, existing(there), o) };
  if (env.policy.createDisable) return { ...base, spec: undefined, conflict: disabled(env, 'create', name), notes: [] };
  const spec = specOf(env, name, o);
  const f = spec.record.format;
  if (f.state === 'blank') assertFsFits(env, name, { sizeBytes: spec.sizeBytes, fsType: f.fsType });
  await assertHostOptions(env, spec.record, ctx);
  return { ...base, spec, conflict: undefined, notes: [] };
}

/** One atomic act of the driver: it leaves nothing half-made, so that no intent is needed. */
const create: Step<CreateWork> = {
  name: 'create',
  does: (c) => `create the volume in service "${c.env.service}"`,
  async run(c, ctx) {
    c.made = await c.env.driver.create(c.name, need(c.spec, 'the spec'), ctx);
  },
};

export const createVerb: Verb<readonly [string, CreateOptions], CreateWork, Volume> = {
  op: 'create',
  locks: ([name]) => [name],
  gather,
  forbid: (c) => c.conflict,
  steps: (c) => (c.existing === undefined ? [create] : []),
  async result(c, ctx) {
    const v = need(c.made ?? c.existing, 'the volume');
    if (c.made !== undefined) c.env.events.emit('volume.created', about(c, ctx));
    for (const message of c.notes)
      c.env.events.emit('warning', {
        message: `Volume "${c.name}": ${message}.`,
        service: c.env.service,
        volume: c.name,
        at: new Date().toISOString(),
      });
    return view(c.env, v, await here(c.env, c.name), c.notes);
  },
};
