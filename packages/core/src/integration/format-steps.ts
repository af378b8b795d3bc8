import { randomUUID } from 'node:crypto';
import type { Ctx } from '../context.ts';
import { isVolumeError, VolumeError } from '../errors.ts';
import type { Probe } from '../host.ts';
import type { FormatState, FsType } from '../record.ts';
import { targetOf } from './env.ts';
import type { Step } from './steps.ts';
import { isBlock, mark, need, type Work } from './work.ts';

type State<S extends FormatState['state']> = Extract<FormatState, { state: S }>;
const stateOf = (c: Work): FormatState['state'] => c.volume.record.format.state;
const refused = (c: Work, p: Probe, why: string): VolumeError<'denied'> =>
  new VolumeError('denied', `Volume "${c.name}" of service "${c.env.service}" is not formatted: ${why}.`, {
    details: {
      rule: 'S2',
      ...(p.found !== undefined && { found: p.found }),
      ...(p.at !== undefined && { where: `byte ${p.at}` }),
    },
    hint: 'Nothing was changed. To keep what is there, adopt the volume or copy it off; to give it up, remove the volume and create it again.',
  });

/** Read only; what later steps decide by. Also the veto: a formatted volume must show its own file system (S1, S2). */
export const probe: Step<Work> = {
  name: 'probe',
  does: () => 'look at what is on the device, without writing',
  when: isBlock,
  async run(c, ctx) {
    const state = stateOf(c);
    c.probe = await c.session.probe(need(c.device, 'the device'), { prove: state === 'blank' }, ctx);
    if (state === 'formatted') assertOwn(c, c.probe);
  },
};

function assertOwn(c: Work, p: Probe): void {
  const format = c.volume.record.format as State<'formatted'>;
  if (p.verdict === 'fs' && p.fsType === format.fsType && (c.volume.record.copied === true || p.uuid === format.uuid))
    return;
  const found =
    p.verdict === 'fs'
      ? `a file system ${p.fsType ?? ''} with UUID ${p.uuid ?? 'unknown'}`
      : (p.found ?? `nothing that is a file system (${p.verdict})`);
  throw new VolumeError(
    'data_loss',
    `Volume "${c.name}" of service "${c.env.service}" was formatted ${format.fsType} with UUID ${format.uuid}, but the device holds ${found}.`,
    {
      details: { expected: `${format.fsType} ${format.uuid}`, found },
      hint: `Nothing was changed, and it will never be formatted. ${
        c.volume.record.copied === true
          ? 'Remove this copy and make it again; if what it is a copy of is gone, repair a copy of it with the file system’s own tools.'
          : 'Check that this is the right device; repair a copy of it with the file system’s own tools, or restore a snapshot.'
      }`,
    },
  );
}

const nothingToRead = (c: Work): VolumeError<'invalid'> =>
  new VolumeError(
    'invalid',
    `Volume "${c.name}" of service "${c.env.service}" has no file system yet, so it cannot be mounted read-only.`,
    { details: { path: 'readOnly', value: true }, hint: 'Mount it once for writing.' },
  );

export const proveBlank: Step<Work> = {
  name: 'prove-blank',
  does: () => 'prove that the device is blank (S2)',
  when: (c) => stateOf(c) === 'blank',
  async run(c) {
    const p = need(c.probe, 'the probe');
    // The word of a server waives nothing: what is not proven here is not formatted here (S22).
    const consent = (c.volume.record.format as State<'blank'>).consent === true && !isRemote(c);
    if (c.readonly) throw nothingToRead(c);
    if (p.verdict === 'blank' || (p.verdict === 'unknown' && consent)) return;
    if (p.verdict === 'unknown')
      throw refused(c, p, `it holds data without a known signature${p.found === undefined ? '' : ` (${p.found})`}`);
    throw refused(c, p, `it already holds ${p.found ?? `${p.fsType ?? 'something'} ${p.uuid ?? ''}`}`);
  },
};

/** Durable before mkfs starts; the consent of the creator ends here (S3). */
export const markFormatting: Step<Work> = {
  name: 'mark-formatting',
  does: () => 'note with the storage that it is being formatted, and the UUID it will get',
  when: (c) => stateOf(c) === 'blank',
  async run(c, ctx) {
    const { fsType, mkfs } = c.volume.record.format as State<'blank'>;
    const epoch = c.volume.attachments.find((a) => a.node === c.env.node)?.epoch ?? 0;
    const plannedUuid = randomUUID();
    await noteFormatting(c, plannedUuid);
    await mark(
      c,
      { format: { state: 'formatting', fsType, plannedUuid, epoch, ...(mkfs !== undefined && { mkfs }) } },
      ctx,
    );
    c.probe = { verdict: 'blank' };
  },
};

/** An earlier mkfs did not end: adopt what it made if that mounts, make it again only where nothing else can be found (S1). */
export const resumeFormat: Step<Work> = {
  name: 'resume-format',
  does: () => 'see what an interrupted format left',
  maybe: () => true,
  when: (c) => stateOf(c) === 'formatting' && c.probe?.verdict !== 'blank',
  async run(c, ctx) {
    if (c.readonly) throw nothingToRead(c);
    const p = need(c.probe, 'the probe');
    const { plannedUuid, wipes, fsType } = c.volume.record.format as State<'formatting'>;
    const own = p.uuid === plannedUuid;
    if (p.verdict === 'fs' && own && (await mountsOnce(c, fsType, ctx))) {
      await mark(c, { format: { state: 'formatted', fsType, uuid: plannedUuid } }, ctx);
      return;
    }
    const nothing = p.verdict === 'unknown' && p.uuid === undefined;
    if (!(await begunHere(c, plannedUuid))) return provenBlank(c, ctx);
    if (own || nothing || (wipes !== undefined && p.uuid === wipes)) return;
    throw new VolumeError(
      'data_loss',
      `Volume "${c.name}" of service "${c.env.service}" was being formatted with UUID ${plannedUuid}, but the device holds ${p.found ?? `${p.fsType ?? p.verdict} ${p.uuid ?? ''}`}.`,
      {
        details: { expected: plannedUuid, ...(p.found !== undefined && { found: p.found }) },
        hint: 'Nothing was changed. Somebody else wrote to this device: find out who before you use it.',
      },
    );
  },
};

async function mountsOnce(c: Work, fsType: FsType, ctx: Ctx): Promise<boolean> {
  const device = need(c.device, 'the device');
  const target = targetOf(c.env, c.name);
  try {
    await c.session.check(device, { fsType, repair: false }, ctx);
    await c.session.mount(
      device,
      { target, fsType, readonly: false, options: [], subdir: '/', owner: {}, makeSubdir: false },
      ctx,
    );
  } catch (e) {
    if (isVolumeError(e, 'timeout', 'canceled', 'busy', 'in_use')) throw e;
    return false;
  }
  await c.session.unmount(target, { expectDevno: device.devno }, ctx);
  return true;
}

export const format: Step<Work> = {
  name: 'format',
  does: (c) => `make the file system (${(c.volume.record.format as State<'blank'>).fsType})`,
  when: (c) => stateOf(c) === 'blank' || stateOf(c) === 'formatting',
  maybe: (c) => stateOf(c) === 'formatting',
  async run(c, ctx) {
    const f = c.volume.record.format as State<'formatting'>;
    await c.session.format(
      need(c.device, 'the device'),
      { fsType: f.fsType, uuid: f.plannedUuid, options: f.mkfs ?? {}, ...(f.wipes !== undefined && { wipe: true }) },
      ctx,
    );
    c.formatted = true;
  },
};

export const markFormatted: Step<Work> = {
  name: 'mark-formatted',
  does: () => 'note with the storage that it is formatted: from now on it never will be again',
  when: (c) => stateOf(c) === 'blank' || stateOf(c) === 'formatting',
  maybe: (c) => stateOf(c) === 'formatting',
  async run(c, ctx) {
    const f = c.volume.record.format as State<'formatting'>;
    await mark(c, { format: { state: 'formatted', fsType: f.fsType, uuid: f.plannedUuid } }, ctx);
    await forgetFormatting(c);
  },
};

const isRemote = (c: Work): boolean => c.env.driver.traits.remote === true;
const formattingKey = (c: Work): string => `formatting/${c.env.service}/${c.volume.id}`;

/** Of a volume whose record a server keeps, this node notes itself what it begins to format: its own evidence (S22). */
export async function noteFormatting(c: Work, plannedUuid: string): Promise<void> {
  if (isRemote(c)) await c.env.store.commit([{ put: formattingKey(c), value: plannedUuid }]);
}
async function forgetFormatting(c: Work): Promise<void> {
  if (isRemote(c)) await c.env.store.commit([{ del: formattingKey(c) }], { durable: false });
}
const begunHere = async (c: Work, plannedUuid: string): Promise<boolean> =>
  !isRemote(c) || (await c.env.store.get<string>(formattingKey(c))) === plannedUuid;

/** A server says that a format was interrupted, and nothing here says so: only what holds nothing at all is formatted. */
async function provenBlank(c: Work, ctx: Ctx): Promise<void> {
  const p = await c.session.probe(need(c.device, 'the device'), { prove: true }, ctx);
  if (p.verdict === 'blank') return;
  throw new VolumeError(
    'denied',
    `Volume "${c.name}" of service "${c.env.service}" is not formatted: the server says that a format of it was interrupted, nothing on this node says so, and it holds ${p.found ?? p.fsType ?? 'data'}.`,
    {
      details: { rule: 'S22', ...(p.found !== undefined && { found: p.found }) },
      hint: 'Nothing was changed. Mount it on the node that began to format it; or remove the volume and create it again: it never held data.',
    },
  );
}

export const check: Step<Work> = {
  name: 'check',
  does: () => 'check the file system; replay its journal if it was not unmounted',
  when: (c) => stateOf(c) === 'formatted' && c.formatted !== true,
  async run(c, ctx) {
    const { fsType } = c.volume.record.format as State<'formatted'>;
    const r = await c.session.check(need(c.device, 'the device'), { fsType, repair: c.device?.readonly !== true }, ctx);
    if (!r.clean && r.said !== undefined) c.notes.push(`the file system was repaired: ${r.said}`);
  },
};

/**
 * S25: a copy mounts beside its original only with a UUID of its own. Interrupted, it is simply done again: `copied` waives
 * the comparison. Before the check, which a change that did not finish would not pass: the host checks what it changes.
 */
export const newUuid: Step<Work> = {
  name: 'new-uuid',
  does: () => 'give the copy a file system UUID of its own',
  when: (c) => stateOf(c) === 'formatted' && c.volume.record.copied === true,
  async run(c, ctx) {
    const { fsType } = c.volume.record.format as State<'formatted'>;
    const uuid = randomUUID();
    await c.session.newUuid(need(c.device, 'the device'), { fsType, uuid }, ctx).catch((e: unknown) => {
      throw unusable(c, e);
    });
    await mark(c, { format: { state: 'formatted', fsType, uuid }, copied: false }, ctx);
    c.probe = await c.session.probe(need(c.device, 'the device'), { prove: false }, ctx);
  },
};

function unusable(c: Work, e: unknown): unknown {
  if (!isVolumeError(e, 'data_loss')) return e;
  return new VolumeError(
    'data_loss',
    `Volume "${c.name}" of service "${c.env.service}", a copy, cannot be used: ${e.message}`,
    {
      details: e.details,
      ...(e.hint !== undefined && { hint: e.hint }),
      cause: e,
    },
  );
}

/** The steps from a connected device to one that may be mounted. */
export const prepare: readonly Step<Work>[] = [
  probe,
  proveBlank,
  markFormatting,
  resumeFormat,
  format,
  markFormatted,
  newUuid,
  check,
];
