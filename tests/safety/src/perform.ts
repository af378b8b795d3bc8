import { bytes, type Integration } from '@rexray/core';
import type { Seen } from './check-sequence.ts';
import type { Node, Op } from './model.ts';

/** A verb of the model on a real integration. @param unit bytes of one unit of the model's sizes */
export async function perform(
  s: Integration,
  o: Exclude<Op, { op: 'write' | 'look' }>,
  unit: number,
  prefix = '',
): Promise<unknown> {
  const n = (x: string): string => `${prefix}${x}`;
  switch (o.op) {
    case 'create':
      return s.create(n(o.name), { size: bytes(o.size * unit), fsType: o.fsType });
    case 'mount':
      return s.mount(n(o.name), { holder: o.holder, preempt: o.preempt ?? false });
    case 'unmount':
      return s.unmount(n(o.name), { holder: o.holder });
    case 'release':
      return s.holders.release(n(o.name), o.holder);
    case 'attach':
      return s.attach(n(o.name));
    case 'detach':
      return s.detach(n(o.name));
    case 'remove':
      return s.remove(n(o.name));
    case 'wipe':
      return wipe(s, n(o.name));
    case 'expand':
      return s.expand(n(o.name), { size: bytes(o.size * unit) });
    case 'clone':
      return s.clone(n(o.name), n(o.to));
    case 'snapshot':
      return s.snapshots.create(n(o.name), n(o.snapshot));
    case 'unsnapshot':
      return s.snapshots.remove(n(o.snapshot));
    case 'restore':
      return s.snapshots.restore(n(o.snapshot), n(o.to));
  }
}

/** Answer of a verb that was not called: what it needs was not there. */
export const NOTHING = 'nothing';

/** A volume that has no file system yet, or is not there, has nothing to wipe. */
async function wipe(s: Integration, name: string): Promise<unknown> {
  const v = (await s.list({ prefix: name })).items.find((x) => x.name === name);
  return v?.fsUuid === undefined ? NOTHING : s.format(name, { wipe: v.fsUuid });
}

/** What both nodes say, as one picture. */
export async function seenBy(nodes: readonly Integration[], unit: number, prefix = ''): Promise<Seen> {
  const volumes: Record<string, Seen['volumes'][string]> = {};
  const short = (x: string): string => x.slice(prefix.length);
  for (const [i, s] of nodes.entries()) {
    for (const v of (await s.list({ prefix })).items) {
      const name = short(v.name);
      const known = volumes[name] ?? { size: v.sizeBytes / unit, holders: [{}, {}] };
      const owner = v.attachments.some((a) => a.here) ? (i as Node) : undefined;
      volumes[name] = owner === undefined ? known : { ...known, owner };
    }
    for (const h of await s.holders.list()) {
      const of = volumes[short(h.volume)];
      if (h.volume.startsWith(prefix) && of !== undefined)
        (of.holders[i as Node] as Record<string, number>)[h.holder] = h.count;
    }
  }
  const [first] = nodes;
  const snapshots = first === undefined ? [] : (await first.snapshots.list()).items.map((x) => x.name);
  return {
    volumes,
    snapshots: snapshots
      .filter((x) => x.startsWith(prefix))
      .map(short)
      .sort(),
  };
}
