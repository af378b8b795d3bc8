import type { Volume } from '../../api.ts';
import { bytes } from '../../bytes.ts';
import type { CallOptions } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import { assertName } from '../../names.ts';
import { emptyRecord, type FsType, type InitialRecord } from '../../record.ts';
import { attach, connect, detach, disconnect } from '../attach-steps.ts';
import type { Env } from '../env.ts';
import { here, unsupported } from '../facts.ts';
import { probe } from '../format-steps.ts';
import type { Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { ended, intent, isBlock, mark, need, type Work } from '../work.ts';
import { makeWork } from './gather.ts';

interface AdoptWork extends Work {
  readonly id: string;
  readonly record: InitialRecord;
  /** It was ours already and is known, or in use: there is nothing to look at. */
  known: boolean;
}

const adoptStep: Step<AdoptWork> = {
  name: 'adopt',
  does: (c) => `make ${c.id} the volume "${c.name}"`,
  async run(c, ctx) {
    c.volume = await need(c.env.driver.adopt, 'adopt').call(c.env.driver, c.id, c.name, c.record, ctx);
    c.known = c.nv?.volumeId === c.volume.id || c.volume.record.format.state !== 'blank';
  },
};

const recognise: Step<AdoptWork> = {
  name: 'recognise',
  does: () => 'record the file system that it holds: from then on it is never formatted',
  async run(c, ctx) {
    const p = need(c.probe, 'the probe');
    const types: readonly string[] = c.env.driver.traits.fsTypes ?? [];
    if (p.verdict !== 'fs' || p.uuid === undefined || !types.includes(p.fsType ?? '')) return;
    await mark(c, { format: { state: 'formatted', fsType: p.fsType as FsType, uuid: p.uuid } }, ctx);
  },
};

/** Only where there is something to look at; what it holds is read, never written. */
const looking = [attach, connect, probe, recognise, disconnect, detach].map((s) => ({
  ...s,
  when: (c: AdoptWork) => isBlock(c) && !c.known,
})) as readonly Step<AdoptWork>[];

/** Stands for the volume until the storage has made it one. */
const soon = (id: string, name: string, record: InitialRecord): DriverVolume => ({
  id,
  name,
  sizeBytes: bytes(0),
  attachments: [],
  record: { ...record, revision: '' },
  params: {},
});

const recordOf = (env: Env): InitialRecord => {
  const types = env.driver.traits.fsTypes;
  return emptyRecord(types === undefined ? { state: 'none' } : { state: 'blank', fsType: types[0] ?? 'ext4' });
};

export const adopt: Verb<readonly [string, string, CallOptions | undefined], AdoptWork, Volume> = {
  op: 'adopt',
  locks: ([, name]) => [name],
  async gather(scope, [id, name]) {
    const { env } = scope;
    if (env.driver.adopt === undefined) throw unsupported(env, 'adopt');
    assertName(name);
    const record = recordOf(env);
    const work = await makeWork(scope, 'adopt', name, soon(id, name, record), await here(env, name), {
      readonly: true,
    });
    return Object.assign(work, { id, record, known: false });
  },
  steps: () => [intent, adoptStep, ...looking, ended],
  result: (c) => view(c.env, c.volume, c.nv),
};
