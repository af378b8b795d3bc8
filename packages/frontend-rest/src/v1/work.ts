import {
  GIB,
  type Integration,
  notFound,
  type Snapshot,
  type StoragePlane,
  type Volume,
  VolumeError,
} from '@rexray/core';
import { type Asker, isMine, snapshotOf, volumeOf } from './objects.ts';

/** The verbs of libStorage over an integration: ids where it has names, the asking node where it has this one. */

/** What is done for whom. */
export interface Doing {
  readonly it: Integration;
  readonly asker: Asker;
  readonly requestId: string;
  /** The nodes for which the caller may ask. */
  readonly nodes?: readonly string[] | undefined;
  readonly signal: AbortSignal;
}
type Body = Readonly<Record<string, unknown>>;

/** How long a task may run: nobody waits for it, and it is not left for ever. In ms. */
const TASK_MS = 15 * 60_000;
const call = (d: Doing) => ({ requestId: d.requestId, signal: d.signal, timeoutMs: TASK_MS });
const PAGE = 1000;

/** Every volume of ours; what the storage has beside is not shown: nothing could be done with it. */
export async function allVolumes(d: Doing): Promise<readonly Volume[]> {
  const all: Volume[] = [];
  let cursor: string | undefined;
  do {
    const page = await d.it.list({ ...call(d), limit: PAGE, cursor });
    all.push(...page.items.filter((v) => v.state !== 'foreign'));
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

/** @throws VolumeError `not_found` */
export async function volumeBy(d: Doing, id: string, byName: boolean): Promise<Volume> {
  if (byName) return byNameIn(d, id);
  const hit = (await allVolumes(d)).find((v) => v.id === id);
  if (hit !== undefined) return hit;
  throw notFound('Volume', id.slice(0, 200));
}

/** The exact name, else the same in another case, as REX-Ray. */
async function byNameIn(d: Doing, name: string): Promise<Volume> {
  try {
    return await d.it.get(name, call(d));
  } catch (e) {
    const near = (await allVolumes(d)).filter((v) => v.name.toLowerCase() === name.toLowerCase());
    if (near[0] !== undefined && near.length === 1) return near[0];
    throw e;
  }
}

export async function create(d: Doing, body: Body): Promise<object> {
  const { name, size, iops, type, availabilityZone, encrypted, encryptionKey } = body;
  const hints = { iops, type, availabilityZone };
  const given = Object.fromEntries(Object.entries(hints).filter(([, v]) => v !== undefined && v !== '' && v !== 0));
  const v = await d.it.create(String(name), {
    ...call(d),
    ...(typeof size === 'number' && size > 0 && { size: `${size}GiB` as never }),
    ...(Object.keys(given).length > 0 && { hints: given }),
    ...(encrypted === true && { encrypted: true }),
    ...(typeof encryptionKey === 'string' && encryptionKey !== '' && { encryptionKey }),
  });
  return volumeOf(v, d.it, 0, d.asker);
}

export async function remove(d: Doing, id: string, force: boolean): Promise<null> {
  const v = await volumeBy(d, id, false);
  await d.it.remove(v.name, { ...call(d), ...(force && { force }) });
  return null;
}

export async function copy(d: Doing, id: string, body: Body): Promise<object> {
  const v = await volumeBy(d, id, false);
  return volumeOf(await d.it.clone(v.name, String(body.volumeName), call(d)), d.it, 0, d.asker);
}

export async function snapshot(d: Doing, id: string, body: Body): Promise<object> {
  const v = await volumeBy(d, id, false);
  return snapshotOf(await d.it.snapshots.create(v.name, String(body.snapshotName), call(d)), v.id);
}

/** The node that asks. @throws VolumeError `invalid`, in REX-Ray's words */
function nodeOf(d: Doing): string {
  if (d.asker.instance !== undefined) return d.asker.instance.id;
  throw new VolumeError('invalid', 'missing instance ID', {
    details: { path: 'Libstorage-Instanceid', expected: 'DRIVER[:SERVICE]=ID' },
    hint: `Say which node asks, for service "${d.it.service}" (driver ${d.it.driver}).`,
  });
}

/** A node whose boot nobody knows: its client keeps no record of ours. */
const BOOT = 'libstorage';

export async function attach(d: Doing, id: string, body: Body): Promise<object> {
  const node = nodeOf(d);
  const v = await volumeBy(d, id, false);
  const force = body.force === true;
  if (await isHere(d, node)) await d.it.attach(v.name, { ...call(d), ...(force && { preempt: true }) });
  else
    await storageOf(d, 'attach').call('attach', { id: v.id, node, force, readonly: false, bootId: BOOT }, on(d, node));
  const after = await d.it.get(v.name, call(d));
  return { volume: volumeOf(after, d.it, 3, d.asker), attachToken: d.it.legacy?.attachToken(after, node) ?? '' };
}

export async function detach(d: Doing, id: string, body: Body): Promise<object> {
  const v = await volumeBy(d, id, false);
  return detached(d, v, body.force === true);
}

async function detached(d: Doing, v: Volume, force: boolean): Promise<object> {
  const node = nodeOf(d);
  // What this server's own node has mounted has holders, which the storage knows nothing of, and which no force overrides.
  if (await isHere(d, node)) await d.it.detach(v.name, call(d));
  else await storageOf(d, 'detach').call('detach', { id: v.id, node, force }, on(d, node));
  return volumeOf(await d.it.get(v.name, call(d)), d.it, 0, d.asker);
}

/** Of the asking node alone: REX-Ray detached every volume of every node. */
export async function detachAll(d: Doing): Promise<Record<string, object>> {
  const node = nodeOf(d);
  const out: Record<string, object> = {};
  for (const v of await allVolumes(d))
    if (v.attachments.some((a) => isMine(a.node, d.asker) && a.node === node)) out[v.id] = await detached(d, v, false);
  return out;
}

const on = (d: Doing, node: string): object => ({ ...call(d), node, ...(d.nodes !== undefined && { nodes: d.nodes }) });

async function isHere(d: Doing, node: string): Promise<boolean> {
  if (d.nodes !== undefined && !d.nodes.includes(node))
    throw new VolumeError('denied', `The caller may not act for node ${node}.`, {
      details: { rule: 'node of the token', found: node },
    });
  return (await d.it.nodes.list(call(d))).some((n) => n.here && n.node === node);
}

/** What speaks for other nodes than this one. */
function storageOf(d: Doing, verb: string): StoragePlane {
  if (d.it.storage !== undefined) return d.it.storage;
  throw new VolumeError('unsupported', `Service "${d.it.service}" attaches to this node alone.`, {
    details: { verb },
    hint: 'Its storage is reached through another server: ask that one.',
  });
}

export async function allSnapshots(d: Doing): Promise<readonly Snapshot[]> {
  if (d.it.can['snapshots.list'] === false) return [];
  const all: Snapshot[] = [];
  let cursor: string | undefined;
  do {
    const page = await d.it.snapshots.list({ ...call(d), limit: PAGE, cursor });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

/** @throws VolumeError `not_found` */
export async function snapshotBy(d: Doing, id: string): Promise<Snapshot> {
  const hit = (await allSnapshots(d)).find((s) => s.id === id);
  if (hit !== undefined) return hit;
  throw notFound('Snapshot', id.slice(0, 200));
}

export async function restore(d: Doing, id: string, body: Body): Promise<object> {
  const s = await snapshotBy(d, id);
  const { name, size } = body;
  const asked = typeof size === 'number' && size * GIB > s.sizeBytes ? { size: `${size}GiB` as never } : {};
  return volumeOf(await d.it.snapshots.restore(s.name, String(name), { ...call(d), ...asked }), d.it, 0, d.asker);
}

export async function removeSnapshot(d: Doing, id: string): Promise<null> {
  const s = await snapshotBy(d, id);
  await d.it.snapshots.remove(s.name, call(d));
  return null;
}

export function copySnapshot(d: Doing): never {
  throw new VolumeError('unsupported', `Service "${d.it.service}" does not copy snapshots.`, {
    details: { verb: 'snapshots.copy' },
    hint: 'Restore it to a volume, and copy that.',
  });
}
