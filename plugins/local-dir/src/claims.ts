/** Which nodes have a volume: several may. Removing and attaching at once see each other: each writes before it looks. */
import { type Attachment, type AttachOptions, VolumeError } from '@rexray/core';
import { beingMade, notOurs } from './errors.ts';
import * as files from './files.ts';
import { parseId, REMOVING } from './layout.ts';
import { discard, markRemoving } from './making.ts';
import type { Place } from './place.ts';
import { dropNode, readNodes, scan, sidecar, writeNode } from './sidecar.ts';
import type { Turns } from './turns.ts';
import { assertContent, byId, foreign, type Known, known } from './volumes.ts';

export async function attach(
  place: Place,
  turns: Turns,
  id: string,
  node: string,
  { readonly, bootId }: AttachOptions,
): Promise<Attachment> {
  const { name } = await byId(place, id);
  return turns.take(name, async () => {
    const k = await byId(place, id);
    const path = await assertContent(place, name);
    const mine = (await readNodes(place, name, k.scan)).find((a) => a.node === node);
    if (mine?.bootId !== bootId || mine.readonly !== readonly) {
      await writeNode(place, name, { node, bootId, epoch: 0, since: new Date().toISOString(), readonly });
      const now = await scan(place, name);
      if (now?.inc !== k.scan.inc || now.removing) {
        await dropNode(place, name, node);
        throw beingMade(name);
      }
    }
    return { kind: 'dir', path, readonly };
  });
}

export async function detach(place: Place, turns: Turns, id: string, node: string): Promise<void> {
  const p = parseId(id);
  if (p?.kind !== 'own') return;
  await turns.take(p.name, async () => {
    if ((await known(place, p.name))?.scan.inc === p.inc) await dropNode(place, p.name, node);
  });
}

export async function remove(place: Place, turns: Turns, id: string): Promise<void> {
  const p = parseId(id);
  if (p === undefined) return;
  if (p.kind === 'foreign') {
    if ((await foreign(place, p.entry))?.id === id) throw notOurs(p.entry);
    return;
  }
  await turns.take(p.name, async () => {
    const k = await known(place, p.name);
    if (k?.scan.inc !== p.inc) return;
    if (k.scan.nodes.length > 0) throw await inUse(place, k);
    const what = await markRemoving(place, p.name);
    if (what === undefined) throw beingMade(p.name);
    const now = await scan(place, p.name);
    if (now === undefined || now.inc !== p.inc || now.nodes.length > 0) {
      await files.drop(sidecar(place, p.name, REMOVING));
      if (now?.inc === p.inc) throw await inUse(place, { ...k, scan: now });
      return;
    }
    await discard(place, p.name, what.ino);
  });
}

async function inUse(place: Place, k: Known): Promise<VolumeError<'in_use'>> {
  const nodes = await readNodes(place, k.name, k.scan);
  const [first] = nodes;
  return new VolumeError('in_use', `Volume "${k.name}" is attached to ${nodes.map((n) => n.node).join(', ')}.`, {
    details: first === undefined ? {} : { node: first.node, ...(first.since !== undefined && { since: first.since }) },
    hint: 'Detach it there first.',
  });
}
