import type { Tag, TagSpecification } from '@aws-sdk/client-ec2';
import type { Input, Output } from '../../src/ec2.ts';
import { Ec2Error, type Ec2Model, type TagHistory } from './model.ts';

const MOST = 50;

export function specified(m: Ec2Model, list: readonly TagSpecification[] | undefined, type: string): TagHistory[] {
  const tags = new Map<string, string>();
  for (const s of list ?? []) {
    if (s.ResourceType !== type)
      throw new Ec2Error('InvalidParameterValue', `'${s.ResourceType}' is not a valid taggable resource type`);
    for (const t of s.Tags ?? []) tags.set(t.Key ?? '', t.Value ?? '');
  }
  assertTags(tags);
  return [{ at: m.clock.now() - m.visibleAfterMs, tags }];
}

/** As readers see them now. */
export function shownTags(m: Ec2Model, history: readonly TagHistory[]): ReadonlyMap<string, string> {
  const seen = history.filter((h) => h.at + m.visibleAfterMs <= m.clock.now()).at(-1) ?? history[0];
  return seen?.tags ?? new Map();
}
export const tagList = (m: Ec2Model, history: readonly TagHistory[]): Tag[] =>
  [...shownTags(m, history)].map(([Key, Value]) => ({ Key, Value }));

const holders = (m: Ec2Model, ids: readonly string[] | undefined): { tags: TagHistory[] }[] =>
  (ids ?? []).map((id) => {
    const found = m.volumes.get(id) ?? m.snapshots.get(id);
    if (found === undefined) {
      const kind = id.startsWith('snap-') ? 'Snapshot' : 'Volume';
      throw new Ec2Error(`Invalid${kind}.NotFound`, `The ${kind.toLowerCase()} '${id}' does not exist.`);
    }
    return found;
  });

function change(m: Ec2Model, h: { tags: TagHistory[] }, f: (tags: Map<string, string>) => void): void {
  const tags = new Map(h.tags.at(-1)?.tags);
  f(tags);
  assertTags(tags);
  h.tags = [...h.tags.slice(-20), { at: m.clock.now(), tags }];
}

export function createTags(m: Ec2Model, i: Input<'CreateTags'>): Output<'CreateTags'> {
  for (const h of holders(m, i.Resources)) {
    change(m, h, (tags) => {
      for (const t of i.Tags ?? []) tags.set(t.Key ?? '', t.Value ?? '');
    });
  }
  return {};
}

export function deleteTags(m: Ec2Model, i: Input<'DeleteTags'>): Output<'DeleteTags'> {
  for (const h of holders(m, i.Resources)) {
    change(m, h, (tags) => {
      for (const t of i.Tags ?? []) {
        if (t.Value === undefined || tags.get(t.Key ?? '') === t.Value) tags.delete(t.Key ?? '');
      }
    });
  }
  return {};
}

function assertTags(tags: ReadonlyMap<string, string>): void {
  if (tags.size > MOST)
    throw new Ec2Error('TagLimitExceeded', `The maximum number of Tags for a resource has been reached.`);
  for (const [k, v] of tags) {
    if (k === '' || k.length > 128 || k.startsWith('aws:'))
      throw new Ec2Error('InvalidParameterValue', `Tag key '${k}' is invalid.`);
    if (v.length > 256)
      throw new Ec2Error('InvalidParameterValue', `Tag value exceeds the maximum length of 256 characters`);
  }
}
