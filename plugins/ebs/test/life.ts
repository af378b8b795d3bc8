import { bytes, type Ctx, type DriverVolume, emptyRecord, GIB, isVolumeError } from '@rexray/core';
import type { EbsDriver } from '../src/driver.ts';
import type { Action } from '../src/ec2.ts';
import { classify } from '../src/errors.ts';
import { readRecord, TAG } from '../src/tags.ts';
import type { Ec2Model } from './ec2/model.ts';
import { ctxOf } from './world.ts';

export const ATTACH = { force: false, readonly: false, bootId: 'boot' } as const;
export const specOf = (o: { gib?: number; labels?: Record<string, string> } = {}) => ({
  sizeBytes: bytes((o.gib ?? 1) * GIB),
  record: { ...emptyRecord({ state: 'blank', fsType: 'ext4' }), labels: o.labels ?? {} },
  params: {},
  asked: [],
});

/** Verbs are idempotent: what failed for a passing reason is called again, as the storage plane does. */
export async function again<T>(verb: () => Promise<T>): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await verb();
    } catch (e) {
      const code = isVolumeError(e) ? e.code : classify(e);
      if (i >= 3 || (code !== 'unavailable' && code !== 'timeout')) throw e;
    }
  }
}

/** The instance that a life is on, and the one that takes its volume over. */
export type Instances = readonly [node: string, other: string];
const FAR = { region: 'eu-west-1', id: 'snap-0123456789abcdef0' };

/** Every verb that changes something, once, and everything away again. */
export async function wholeLife(d: EbsDriver, [node, other]: Instances, ctx: () => Ctx = ctxOf): Promise<void> {
  const v: DriverVolume = await again(() => d.create('v', specOf({ labels: { a: 'b' } }), ctx()));
  await again(async () => {
    const { record } = await d.get(v.id, ctx());
    if (record.labels.a === 'c') return record;
    return d.mark(v.id, { labels: { a: 'c' } }, { ifRevision: record.revision }, ctx());
  });
  await again(() => d.attach(v.id, node, ATTACH, ctx()));
  await again(() => d.expand(v.id, bytes(2 * GIB), ctx()));
  await again(() => d.attach(v.id, other, { ...ATTACH, force: true }, ctx()));
  const { attachments } = await d.get(v.id, ctx());
  if (attachments.map((a) => a.node).join() !== other) throw new Error('the takeover was lost');
  await again(() => d.detach(v.id, other, { force: false }, ctx()));
  const s = await again(() => d.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx()));
  const r = await again(() => d.snapshots.restore(s.id, 'r', specOf(), ctx()));
  const c = await again(() => d.clone(v.id, 'c', specOf(), ctx()));
  if ((await d.get(v.id, ctx())).record.labels.a !== 'c') throw new Error('the mark was lost');
  if ((await d.get(v.id, ctx())).sizeBytes !== 2 * GIB) throw new Error('the expansion was lost');
  for (const id of [r.id, c.id]) await again(() => d.remove(id, ctx()));
  const far = await again(() => d.copySnapshot(FAR, 'far', ctx()));
  for (const id of [s.id, far.id]) await again(() => d.snapshots.remove(id, ctx()));
  await again(() => d.remove(v.id, ctx()));
}

/** What must never be on EC2, at any time: a volume without our tags, or two of one name. @returns what is wrong */
export function wrongNow(m: Ec2Model): string[] {
  m.advance();
  const seen = new Map<string, number>();
  const wrong: string[] = [];
  for (const v of m.volumes.values()) {
    const tags = v.tags.at(-1)?.tags ?? new Map<string, string>();
    if (!tags.has(TAG.cluster) || readRecord(tags) === undefined) wrong.push(`volume ${v.id} is not whole`);
    if (v.state !== 'deleting') seen.set(tags.get('Name') ?? '', (seen.get(tags.get('Name') ?? '') ?? 0) + 1);
  }
  for (const [name, n] of seen) if (n > 1) wrong.push(`${n} volumes are named ${name}`);
  const copies = [...m.snapshots.values()].filter((s) => s.tags.at(-1)?.tags.get('Name')?.endsWith('/far'));
  if (copies.length > 1) wrong.push(`${copies.length} copies of one snapshot`);
  for (const s of m.snapshots.values())
    if (!s.tags.at(-1)?.tags.has(TAG.cluster)) wrong.push(`snapshot ${s.id} has no tag`);
  return wrong;
}

/** What a finished life must not leave. */
export function leftOver(m: Ec2Model): string[] {
  m.advance();
  return [
    ...[...m.volumes.values()].filter((v) => v.state !== 'deleting').map((v) => `volume ${v.id} ${v.state}`),
    ...[...m.snapshots.values()].map((s) => `snapshot ${s.id}`),
  ];
}

export const MUTATING: readonly Action[] = [
  'AttachVolume',
  'CopySnapshot',
  'CreateSnapshot',
  'CreateTags',
  'CreateVolume',
  'DeleteSnapshot',
  'DeleteTags',
  'DeleteVolume',
  'DetachVolume',
  'ModifyVolume',
];
