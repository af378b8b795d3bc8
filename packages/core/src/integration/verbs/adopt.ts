import type { Volume } from '../../api.ts';
import type { CallOptions } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import { assertName } from '../../names.ts';
import { emptyRecord, type FsType } from '../../record.ts';
import { attach, connect, detach, disconnect } from '../attach-steps.ts';
import { unsupported } from '../facts.ts';
import { probe } from '../format-steps.ts';
import type { Step, Steppable } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { mark, need, type Work } from '../work.ts';

interface AdoptWork extends Steppable {
  readonly id: string;
  adopted?: DriverVolume;
  work?: Work;
  readonly begin: (v: DriverVolume) => Work;
}
const adoptStep: Step<AdoptWork> = {
  name: 'adopt',
  does: (c) => `make ${c.id} the volume "${c.name}"`,
  async run(c, ctx) {
    const { env } = c;
    const types = env.driver.traits.fsTypes;
    c.adopted = await need(env.driver.adopt, 'adopt').call(
      env.driver,
      c.id,
      c.name,
      emptyRecord(types === undefined ? { state: 'none' } : { state: 'blank', fsType: types[0] ?? 'ext4' }),
      ctx,
    );
    c.work = c.begin(c.adopted);
  },
};
const recognise: Step<AdoptWork> = {
  name: 'recognise',
  does: () => 'look what file system it holds, without writing, and record it: from then on it is never formatted',
  when: (c) => c.env.driver.traits.fsTypes !== undefined,
  async run(c, ctx) {
    const w = need(c.work, 'the adopted volume');
    const { steps } = { steps: [{ ...attach }, { ...connect }, probe] };
    for (const s of steps) await s.run(w, ctx);
    const p = need(w.probe, 'the probe');
    const types = c.env.driver.traits.fsTypes ?? [];
    if (p.verdict === 'fs' && p.uuid !== undefined && types.some((t) => t === p.fsType))
      await mark(w, { format: { state: 'formatted', fsType: p.fsType as FsType, uuid: p.uuid } }, ctx);
    await disconnect.run(w, ctx);
    await detach.run(w, ctx);
    c.adopted = await c.env.driver.get(w.volume.id, ctx);
  },
};
export const adopt: Verb<readonly [string, string, CallOptions | undefined], AdoptWork, Volume> = {
  op: 'adopt',
  locks: ([, name]) => [name],
  async gather(scope, [id, name]) {
    if (scope.env.driver.adopt === undefined) throw unsupported(scope.env, 'adopt');
    assertName(name);
    return {
      env: scope.env,
      op: 'adopt',
      name,
      id,
      begin: (v) => ({
        env: scope.env,
        op: 'adopt',
        name,
        session: scope.session(name),
        volume: v,
        nv: undefined,
        readonly: true,
        preempt: false,
        implicit: false,
        wasAttached: false,
        notes: [],
      }),
    };
  },
  steps: () => [adoptStep, recognise],
  result: (c) => view(c.env, need(c.adopted, 'the volume'), undefined),
};
