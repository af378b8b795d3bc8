import type { Ctx } from '../context.ts';
import type { DriverSnapshot, DriverVolume } from '../driver.ts';
import { notFound, VolumeError } from '../errors.ts';
import { assertName } from '../names.ts';
import { nearest } from '../schema.ts';
import type { NodeVolume } from '../store.ts';
import { type Env, pinKey, volumeKey } from './env.ts';

/** The volume of that name, or undefined. Drivers key on id; this is the one place that maps names. */
export async function find(env: Env, name: string, ctx: Ctx): Promise<DriverVolume | undefined> {
  if (env.driver.find !== undefined) return env.driver.find(name, ctx);
  const same: DriverVolume[] = [];
  for await (const v of all(env, ctx)) if (v.name === name && v.foreign !== true) same.push(v);
  if (same.length > 1) {
    throw new VolumeError(
      'invalid',
      `${same.length} volumes are named "${name}": ${same.map((v) => v.id).join(', ')}.`,
      {
        details: { path: 'name', value: name, expected: 'one volume' },
        hint: 'Name the volume by its id, or rename one of them with the platform’s own tool.',
      },
    );
  }
  return same[0];
}

export async function* all(env: Env, ctx: Ctx): AsyncGenerator<DriverVolume> {
  let cursor: string | undefined;
  do {
    const page = await env.driver.list(cursor === undefined ? {} : { cursor }, ctx);
    yield* page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** @throws `not_found` with near names, or with what to do where the storage has something of that name that is not ours */
export async function must(env: Env, name: string, ctx: Ctx): Promise<DriverVolume> {
  assertName(name);
  const v = await find(env, name, ctx);
  if (v !== undefined) return v;
  const names: string[] = [];
  for await (const other of all(env, ctx)) {
    if (other.name === name && other.foreign === true) throw foreignError(env, other, 'not_found');
    names.push(other.name);
    if (names.length >= 1000) break;
  }
  throw notFound('Volume', name, nearest(name, names), env.service);
}

/** What the storage has under this name and nobody made ours (S12). A driver without `adopt` shows nothing of that kind. */
export async function findForeign(env: Env, name: string, ctx: Ctx): Promise<DriverVolume | undefined> {
  if (env.driver.adopt === undefined) return undefined;
  for await (const v of all(env, ctx)) if (v.name === name && v.foreign === true) return v;
  return undefined;
}

/** It is shown, and nothing is done with it. */
export function foreignError(env: Env, v: DriverVolume, code: 'not_found' | 'denied'): VolumeError {
  const message = `"${v.name}" of service "${env.service}" is not a volume of ours: the storage has it without a record.`;
  const hint = `Nothing was changed. Adopt it to use it: id ${v.id}.`;
  return code === 'denied'
    ? new VolumeError(code, message, { details: { rule: 'S12', found: v.id }, hint })
    : new VolumeError(code, message, { details: { what: 'volume' }, hint });
}

/** What this node did with the volume; a note of an earlier boot is void (its mounts and processes are gone). */
export async function here(env: Env, name: string): Promise<NodeVolume | undefined> {
  const nv = await env.store.get<NodeVolume>(volumeKey(env.service, name));
  return nv !== undefined && nv.bootId === env.self.bootId ? nv : undefined;
}

/**
 * The note without the wish to keep it attached, where that ended: it lasts as long as the claim it was made with. Whoever
 * took the volume in between, and let go of it again, ended it (S10), and so did whoever removed it; a later claim of this node
 * is of another verb, a later volume of this name another volume.
 */
export function withoutPastWish(env: Env, v: DriverVolume, nv: NodeVolume | undefined): NodeVolume | undefined {
  if (nv?.attached !== true || wishLasts(env, v, nv)) return nv;
  const { attached: _, ...rest } = nv;
  return rest;
}

function wishLasts(env: Env, v: DriverVolume, nv: NodeVolume): boolean {
  if (v.id !== nv.volumeId) return false;
  if (env.driver.traits.multiWriter) return true;
  const ours = v.attachments.find((a) => a.node === env.node);
  // Epoch 0: the platform counts none, and may tell of an attachment late; only another node's says something.
  return nv.epoch === 0 ? ours !== undefined || v.attachments.length === 0 : ours?.epoch === nv.epoch;
}

/** Whether another service of this node, over the same place, uses the volume: the claim is of both (S9). */
export async function usedByAnotherService(env: Env, volumeId: string): Promise<boolean> {
  for (const [, nv] of await env.store.list<NodeVolume>('volume/')) {
    if (nv.service === env.service || nv.volumeId !== volumeId || nv.bootId !== env.self.bootId) continue;
    if (nv.mount === undefined && nv.attached !== true) continue;
    if ((await env.store.get<string>(pinKey(nv.service))) === env.identity) return true;
  }
  return false;
}

export async function findSnapshot(env: Env, name: string, ctx: Ctx): Promise<DriverSnapshot | undefined> {
  const verbs = snapshotVerbs(env);
  let cursor: string | undefined;
  do {
    const page = await verbs.list(cursor === undefined ? {} : { cursor }, ctx);
    const hit = page.items.find((s) => s.name === name || s.id === name);
    if (hit !== undefined) return hit;
    cursor = page.next;
  } while (cursor !== undefined);
  return undefined;
}

export function snapshotVerbs(env: Env): NonNullable<Env['driver']['snapshots']> {
  if (env.driver.snapshots === undefined) throw unsupported(env, 'snapshots');
  return env.driver.snapshots;
}

export const unsupported = (env: Env, verb: string): VolumeError<'unsupported'> =>
  new VolumeError('unsupported', `The driver ${env.driverName} of service "${env.service}" has no ${verb}.`, {
    details: { verb },
  });

export const holderNames = (nv: NodeVolume | undefined): string[] =>
  Object.entries(nv?.holders ?? {}).map(([h, e]) => (e.count > 1 ? `${h} (${e.count} times)` : h));

/** `in_use` because of holders on this node. */
export function heldError(env: Env, name: string, nv: NodeVolume): VolumeError<'in_use'> {
  const since = Object.values(nv.holders)
    .map((h) => h.since)
    .sort()[0];
  return new VolumeError(
    'in_use',
    `Volume "${name}" of service "${env.service}" is mounted on this node for ${holderNames(nv).join(', ')}${since === undefined ? '' : ` since ${since}`}.`,
    {
      details: { holders: Object.keys(nv.holders), node: env.node, ...(since !== undefined && { since }) },
      hint: 'Unmount it first; a holder that leaked can be dropped with "rexray holder release".',
    },
  );
}

/**
 * `in_use` because this node still has an earlier volume of this name, which the storage has no more: another node took it
 * and removed it. What the note says of mounts and devices is of that one, and nothing of it may be done to the new one.
 */
export function earlierError(env: Env, v: DriverVolume, nv: NodeVolume | undefined): VolumeError<'in_use'> | undefined {
  if (nv === undefined || nv.volumeId === v.id) return undefined;
  if (nv.mount === undefined && Object.keys(nv.holders).length === 0) return undefined;
  return new VolumeError(
    'in_use',
    `Volume "${v.name}" of service "${env.service}" cannot be used on this node yet: ${holderNames(nv).join(', ') || 'a mount that could not be taken off'} still has an earlier volume of that name here (id ${nv.volumeId}; it is ${v.id} now).`,
    {
      details: { holders: Object.keys(nv.holders), node: env.node },
      hint: 'Let these holders unmount it first; a holder that leaked can be dropped with "rexray holder release".',
    },
  );
}

/** `in_use` because another node has it. */
export function claimedError(env: Env, v: DriverVolume): VolumeError<'in_use'> | undefined {
  const other = v.attachments.find((a) => a.node !== env.node);
  if (other === undefined || env.driver.traits.multiWriter) return undefined;
  return new VolumeError(
    'in_use',
    `Volume "${v.name}" of service "${env.service}" is attached to node ${other.node}${other.since === undefined ? '' : ` since ${other.since}`}.`,
    {
      details: { node: other.node, epoch: other.epoch, ...(other.since !== undefined && { since: other.since }) },
      hint: 'Unmount it there, or mount with preempt.',
    },
  );
}

export const notFoundId = (env: Env, id: string): VolumeError<'not_found'> =>
  new VolumeError('not_found', `No volume of service "${env.service}" has the id ${id}.`, {
    details: { what: 'volume' },
  });

/** Who has a volume that this node lost. */
export interface Loss {
  readonly node: string;
  readonly epoch: number;
}

/**
 * Whom this node lost a mounted volume to: as the watch noted, or as the storage says now, before the watch has looked
 * (S11). It is ours only under the epoch under which it was mounted: whoever had it in between may have written. Undefined
 * while it is ours.
 */
export function lostTo(env: Env, v: DriverVolume, nv: NodeVolume | undefined): Loss | undefined {
  if (nv?.mount === undefined) return undefined;
  if (nv.lost !== undefined) return nv.lost;
  if (env.driver.traits.multiWriter || v.id !== nv.volumeId) return undefined;
  const ours = v.attachments.find((a) => a.node === env.node);
  if (ours?.epoch === nv.epoch) return undefined;
  const owner = v.attachments.find((a) => a.node !== env.node) ?? ours;
  if (owner !== undefined) return { node: owner.node, epoch: owner.epoch };
  // Epoch 0: no claim of ours was ever seen; the platform takes the device away by itself.
  return nv.epoch > 0 ? { node: 'nobody', epoch: nv.epoch } : undefined;
}

/** `in_use` because holders here still have what is another node's now. */
export function lostError(env: Env, v: DriverVolume, nv: NodeVolume | undefined): VolumeError<'in_use'> | undefined {
  const lost = lostTo(env, v, nv);
  const holders = Object.keys(nv?.holders ?? {});
  if (lost === undefined || holders.length === 0) return undefined;
  return new VolumeError(
    'in_use',
    `Volume "${v.name}" of service "${env.service}" was lost to node ${lost.node} while ${holders.join(', ')} had it mounted here.`,
    {
      details: { node: lost.node, epoch: lost.epoch, holders },
      hint: 'Let these holders unmount it first; their file system answers errors.',
    },
  );
}
