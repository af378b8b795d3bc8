import { randomUUID } from 'node:crypto';
import type { ExpandResult, Volume } from '../../api.ts';
import { type Bytes, formatBytes, type Size, toBytes } from '../../bytes.ts';
import type { CallOptions } from '../../context.ts';
import type { DriverVolume } from '../../driver.ts';
import { VolumeError } from '../../errors.ts';
import { assertName } from '../../names.ts';
import type { FsType, Hints } from '../../record.ts';
import { emptyRecord } from '../../record.ts';
import { parse } from '../../schema.ts';
import { assertUnused, attach, connect, detach, disconnect } from '../attach-steps.ts';
import { claimedError, heldError, unsupported } from '../facts.ts';
import { format as formatStep, markFormatted, probe } from '../format-steps.ts';
import { forget } from '../mount-steps.ts';
import { mountedHere } from '../quiesce.ts';
import type { Steppable } from '../steps.ts';
import { about, type Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { intent, isBlock, mark, need, type Work } from '../work.ts';
import { workOn } from './gather.ts';

interface ExpandWork extends Work {
  readonly size: Bytes;
  fileSystem: ExpandResult['fileSystem'];
  why?: string;
}

const expandStep: Step<ExpandWork> = {
  name: 'expand',
  does: (c) => `grow the volume to ${formatBytes(c.size)}`,
  async run(c, ctx) {
    c.volume = await need(c.env.driver.expand, 'expand').call(c.env.driver, c.volume.id, c.size, ctx);
  },
};
const growStep: Step<ExpandWork> = {
  name: 'grow-mounted',
  does: () => 'grow the mounted file system',
  when: (c) => isBlock(c) && mountedHere(c),
  async run(c, ctx) {
    const nv = need(c.nv, 'the mount');
    const found = nv.attachment === undefined ? undefined : await c.session.find(nv.attachment, ctx);
    const f = c.volume.record.format;
    if (found === undefined || f.state !== 'formatted') return;
    const device = await c.session.refresh(found, ctx);
    const r = await c.session.grow(device, { fsType: f.fsType, target: need(nv.mount, 'the mount').target }, ctx);
    c.fileSystem = r.grown ? 'grown' : 'next-mount';
    if (r.why !== undefined) c.why = r.why;
  },
};

export const expand: Verb<readonly [string, { readonly size: Size } & CallOptions], ExpandWork, ExpandResult> = {
  op: 'expand',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    if (scope.env.driver.expand === undefined) throw unsupported(scope.env, 'expand');
    const base = await workOn(scope, 'expand', name, ctx);
    const formatted = base.volume.record.format.state === 'formatted';
    const waits = formatted && !mountedHere(base);
    return Object.assign(base, {
      size: toBytes(o.size),
      fileSystem: waits ? ('next-mount' as const) : ('none' as const),
      ...(waits && { why: 'the volume is not mounted on this node' }),
    });
  },
  forbid(c) {
    if (c.size < c.volume.sizeBytes) {
      return new VolumeError(
        'out_of_range',
        `Volume "${c.name}" of service "${c.env.service}" has ${formatBytes(c.volume.sizeBytes)} and cannot shrink to ${formatBytes(c.size)}.`,
        {
          details: { min: c.volume.sizeBytes },
          hint: 'Create a smaller volume and copy the files.',
        },
      );
    }
    const max = c.env.driver.traits.sizes?.max;
    if (max !== undefined && c.size > max)
      return new VolumeError(
        'out_of_range',
        `Volume "${c.name}" cannot grow to ${formatBytes(c.size)}: service "${c.env.service}" makes at most ${formatBytes(max)}.`,
        { details: { max } },
      );
    return mountedHere(c) ? undefined : claimedError(c.env, c.volume);
  },
  // Asked for the size that it has: the file system may still be behind, so that the grow is tried again.
  steps: (c) => [...(c.size > c.volume.sizeBytes ? [expandStep] : []), growStep],
  async result(c, ctx) {
    c.env.events.emit('volume.expanded', { ...about(c, ctx), sizeBytes: c.volume.sizeBytes });
    const notes =
      c.fileSystem === 'next-mount'
        ? [`the file system grows at the next mount${c.why === undefined ? '' : ` (${c.why})`}`]
        : [];
    return {
      volume: view(c.env, c.volume, c.nv, notes),
      fileSystem: c.fileSystem,
      ...(c.why !== undefined && { why: c.why }),
    };
  },
};

type ModifyOptions = {
  readonly params?: Partial<unknown>;
  readonly hints?: Hints;
  readonly labels?: Readonly<Record<string, string>>;
} & CallOptions;
interface ModifyWork extends Work {
  readonly change: ModifyOptions;
}
export const modify: Verb<readonly [string, ModifyOptions], ModifyWork, Volume> = {
  op: 'modify',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    const base = await workOn(scope, 'modify', name, ctx);
    if (o.params !== undefined) {
      if (scope.env.driver.modify === undefined) throw unsupported(scope.env, 'modify');
      parse(
        scope.env.params,
        { ...(base.volume.params as object), ...(o.params as object) },
        `options of volume "${name}"`,
      );
    }
    return Object.assign(base, { change: o });
  },
  steps: (c) => [
    ...(c.change.params !== undefined ? [modifyStep] : []),
    ...(c.change.hints !== undefined || c.change.labels !== undefined ? [relabel] : []),
  ],
  result: (c) => view(c.env, c.volume, c.nv, c.notes),
};
const modifyStep: Step<ModifyWork> = {
  name: 'modify',
  does: () => 'change the volume’s properties',
  async run(c, ctx) {
    c.volume = await need(c.env.driver.modify, 'modify').call(
      c.env.driver,
      c.volume.id,
      { params: c.change.params as object, ...(c.change.hints !== undefined && { hints: c.change.hints }) },
      ctx,
    );
  },
};
const relabel: Step<ModifyWork> = {
  name: 'mark',
  does: () => 'change the volume’s record',
  async run(c, ctx) {
    const { hints, labels } = c.change;
    await mark(
      c,
      {
        ...(hints !== undefined && { hints: { ...c.volume.record.hints, ...hints } }),
        ...(labels !== undefined && { labels }),
      },
      ctx,
    );
  },
};

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
    if (c.probe.verdict !== 'fs' || found?.toLowerCase() !== c.wipe.toLowerCase()) {
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
  run: (c, ctx) =>
    mark(
      c,
      {
        format: {
          state: 'formatting',
          fsType: c.fsType,
          plannedUuid: randomUUID(),
          epoch: c.volume.attachments.find((a) => a.node === c.env.node)?.epoch ?? 0,
          wipes: c.wipe,
        },
        copied: false,
      },
      ctx,
    ),
};
const markDone: Step<WipeWork> = { ...markFormatted, when: () => true, maybe: () => false } as Step<WipeWork>;
const wipeStep: Step<WipeWork> = {
  ...formatStep,
  does: (c: Work) => `make the file system (${(c as WipeWork).fsType}) anew`,
  when: () => true,
} as Step<WipeWork>;

export const wipe: Verb<readonly [string, WipeOptions], WipeWork, Volume> = {
  op: 'format',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    const base = await workOn(scope, 'format', name, ctx);
    const f = base.volume.record.format;
    if (f.state === 'none') throw unsupported(scope.env, 'format');
    return Object.assign(base, { wipe: o.wipe, fsType: o.fsType ?? f.fsType });
  },
  forbid(c) {
    if (c.nv !== undefined && Object.keys(c.nv.holders).length > 0) return heldError(c.env, c.name, c.nv);
    const f = c.volume.record.format;
    if (f.state === 'formatted' && f.uuid.toLowerCase() !== c.wipe.toLowerCase()) {
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
  steps: () => [
    intent,
    attach,
    connect,
    assertUnused,
    compare,
    markWiping,
    wipeStep,
    markDone,
    disconnect,
    detach,
    forget,
  ],
  result: (c) => view(c.env, c.volume, c.nv, c.notes),
};

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
