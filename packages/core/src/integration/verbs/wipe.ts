import { randomUUID } from 'node:crypto';
import type { Volume } from '../../api.ts';
import type { CallOptions, Ctx } from '../../context.ts';
import { VolumeError } from '../../errors.ts';
import type { FsType } from '../../record.ts';
import { assertUnused, attach, connect, detach, disconnect } from '../attach-steps.ts';
import type { Env } from '../env.ts';
import { claimedError, heldError, unsupported } from '../facts.ts';
import { format as formatStep, markFormatted, noteFormatting } from '../format-steps.ts';
import { forget } from '../mount-steps.ts';
import type { Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { intent, mark, need, type Work } from '../work.ts';
import { workOn } from './gather.ts';
import { assertFsFits, assertFsType } from './spec.ts';
import { keepAttached } from './unmount.ts';

type WipeOptions = { readonly wipe: string; readonly fsType?: FsType | undefined } & CallOptions;
interface WipeWork extends Work {
  readonly wipe: string;
  readonly fsType: FsType;
}
const compare: Step<WipeWork> = {
  name: 'compare-uuid',
  does: (c) => `see that the device holds the file system ${c.wipe}, and nothing else`,
  async run(c, ctx) {
    c.probe = await c.session.probe(need(c.device, 'the device'), { prove: false }, ctx);
    const found = c.probe.uuid;
    if (c.probe.verdict !== 'fs' || found?.toLowerCase() !== c.wipe) {
      throw new VolumeError(
        'denied',
        `Volume "${c.name}" of service "${c.env.service}" is not wiped: its device holds ${c.probe.found ?? `${c.probe.fsType ?? c.probe.verdict} ${found ?? ''}`}, not the file system ${c.wipe}.`,
        {
          details: { rule: 'S3', ...(found !== undefined && { found }) },
          hint: 'Nothing was changed. Name the UUID that "volume inspect" shows.',
        },
      );
    }
  },
};
const markWiping: Step<WipeWork> = {
  name: 'mark-formatting',
  does: () => 'note with the storage that it is being formatted, and the UUID it will get',
  async run(c, ctx) {
    const plannedUuid = randomUUID();
    await noteFormatting(c, plannedUuid);
    await mark(
      c,
      {
        format: {
          state: 'formatting',
          fsType: c.fsType,
          plannedUuid,
          epoch: c.volume.attachments.find((a) => a.node === c.env.node)?.epoch ?? 0,
          wipes: c.probe?.uuid ?? c.wipe,
        },
        copied: false,
      },
      ctx,
    );
  },
};
const markDone: Step<WipeWork> = { ...markFormatted, when: () => true, maybe: () => false } as Step<WipeWork>;
const wipeStep: Step<WipeWork> = {
  ...formatStep,
  does: (c: Work) => `make the file system (${(c as WipeWork).fsType}) anew`,
  when: () => true,
} as Step<WipeWork>;

const unnamed = (c: Work): VolumeError<'invalid'> =>
  new VolumeError('invalid', `Volume "${c.name}" is not wiped: the UUID of its present file system is missing.`, {
    details: { path: 'wipe', expected: 'the UUID of the file system that is given up' },
    hint: 'Name the UUID that "volume inspect" shows.',
  });

/** @throws `unavailable` where mkfs is not installed */
async function assertCanMake(env: Env, fsType: FsType, ctx: Ctx): Promise<void> {
  const program = `mkfs.${fsType}`;
  const debianPackage = (await env.host.facts(ctx)).missing[program];
  if (debianPackage === undefined) return;
  throw new VolumeError('unavailable', `${program} is not installed.`, {
    details: { expected: program },
    hint: `Install the package ${debianPackage}. Nothing was changed.`,
  });
}

export const wipe: Verb<readonly [string, WipeOptions], WipeWork, Volume> = {
  op: 'format',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    const { env } = scope;
    const base = await workOn(scope, 'format', name, ctx);
    const f = base.volume.record.format;
    if (f.state === 'none') throw unsupported(env, 'format');
    if (typeof o?.wipe !== 'string' || o.wipe === '') throw unnamed(base);
    // What mkfs would refuse must be refused before the record says that the old file system is given up.
    const fsType = assertFsType(env, o.fsType ?? f.fsType);
    assertFsFits(env, name, { sizeBytes: base.volume.sizeBytes, fsType });
    await assertCanMake(env, fsType, ctx);
    return Object.assign(base, { wipe: o.wipe.toLowerCase(), fsType });
  },
  forbid(c) {
    if (c.nv !== undefined && Object.keys(c.nv.holders).length > 0) return heldError(c.env, c.name, c.nv);
    const f = c.volume.record.format;
    if (f.state === 'formatted' && f.uuid.toLowerCase() !== c.wipe) {
      return new VolumeError(
        'denied',
        `Volume "${c.name}" of service "${c.env.service}" has the file system ${f.uuid}, not ${c.wipe}.`,
        {
          details: { rule: 'S3', found: f.uuid },
          hint: 'Nothing was changed. Name the UUID that "volume inspect" shows.',
        },
      );
    }
    return claimedError(c.env, c.volume);
  },
  steps: (c) => [
    intent,
    attach,
    connect,
    assertUnused,
    compare,
    markWiping,
    wipeStep,
    markDone,
    disconnect,
    // Attached by a person: that was not what they gave up.
    ...(c.nv?.attached === true ? [keepAttached] : [detach, forget]),
  ],
  result: (c) => view(c.env, c.volume, c.nv, c.notes),
};
