import { notFound } from '@rexray/core';
import type { TObject } from 'typebox';
import { snapshotOf, volumeOf, wanted } from './objects.ts';
import { filterOf, isOn, maskOf, type V1Query } from './query.ts';
import * as ask from './schemas.ts';
import type { Doing } from './work.ts';
import * as work from './work.ts';

export interface Params {
  readonly service?: string;
  readonly id?: string;
}
export interface V1Ask {
  readonly id: string;
  readonly query: V1Query;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One row of libStorage's interface. The first whose switch is in the query is meant; one without a switch is the rest. */
export interface V1Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** A key of the query, by its presence. */
  readonly on?: string;
  readonly status: 200 | 201 | 204 | 205;
  readonly body?: TObject;
  /** It is about every service that the caller sees; the answer is a map by service. */
  readonly all?: true;
  /** It changes something. */
  readonly mutates?: true;
  readonly op: string;
  act(d: Doing, a: V1Ask): Promise<unknown>;
}

const byId = <T extends { id: string }>(all: readonly T[], show: (x: T) => object): Record<string, object> =>
  Object.fromEntries(all.map((x) => [x.id, show(x)]));

async function volumes(d: Doing, { query }: V1Ask): Promise<object> {
  const mask = maskOf(query);
  const name = filterOf(query);
  const all = (await work.allVolumes(d)).filter((v) => name === undefined || v.name.toLowerCase() === name);
  return byId(
    all.filter((v) => wanted(v, mask, d.asker)),
    (v) => volumeOf(v, d.it, mask, d.asker),
  );
}

async function volume(d: Doing, { id, query }: V1Ask): Promise<object> {
  const mask = maskOf(query);
  const v = await work.volumeBy(d, id, isOn(query, 'byname'));
  if (wanted(v, mask, d.asker)) return volumeOf(v, d.it, mask, d.asker);
  throw notFound('Volume', id.slice(0, 200));
}

async function snapshots(d: Doing): Promise<object> {
  const all = await work.allSnapshots(d);
  const ids = all.length === 0 ? new Map() : new Map((await work.allVolumes(d)).map((v) => [v.name, v.id]));
  return byId(all, (s) => snapshotOf(s, ids.get(s.volume)));
}

const VOLUME = '/volumes/:service/:id';
const SNAPSHOT = '/snapshots/:service/:id';
const get = (op: string, path: string, act: V1Route['act'], all?: true): V1Route => ({
  method: 'GET',
  path,
  status: 200,
  op,
  act,
  ...(all && { all }),
});
const post = (
  op: string,
  path: string,
  on: string | undefined,
  status: V1Route['status'],
  body: TObject,
  act: V1Route['act'],
): V1Route => ({ method: 'POST', path, ...(on !== undefined && { on }), status, body, op, act, mutates: true });
const del = (op: string, path: string, status: V1Route['status'], act: V1Route['act']): V1Route => ({
  method: 'DELETE',
  path,
  status,
  op,
  act,
  mutates: true,
});

export const V1_ROUTES: readonly V1Route[] = [
  get('list', '/volumes', volumes, true),
  get('list', '/volumes/:service', volumes),
  get('get', VOLUME, volume),
  { ...post('detach', '/volumes', 'detach', 205, ask.DetachRequest, work.detachAll), all: true },
  post('detach', '/volumes/:service', 'detach', 205, ask.DetachRequest, work.detachAll),
  post('create', '/volumes/:service', undefined, 201, ask.CreateRequest, (d, a) => work.create(d, a.body)),
  post('attach', VOLUME, 'attach', 200, ask.AttachRequest, (d, a) => work.attach(d, a.id, a.body)),
  post('detach', VOLUME, 'detach', 205, ask.DetachRequest, (d, a) => work.detach(d, a.id, a.body)),
  post('clone', VOLUME, 'copy', 201, ask.CopyRequest, (d, a) => work.copy(d, a.id, a.body)),
  post('snapshots.create', VOLUME, 'snapshot', 201, ask.SnapshotRequest, (d, a) => work.snapshot(d, a.id, a.body)),
  del('remove', VOLUME, 204, (d, a) => work.remove(d, a.id, isOn(a.query, 'force'))),
  get('snapshots.list', '/snapshots', snapshots, true),
  get('snapshots.list', '/snapshots/:service', snapshots),
  get('snapshots.list', SNAPSHOT, async (d, a) => snapshotOf(await work.snapshotBy(d, a.id), undefined)),
  post('snapshots.restore', SNAPSHOT, 'create', 201, ask.CreateRequest, (d, a) => work.restore(d, a.id, a.body)),
  post('snapshots.create', SNAPSHOT, 'copy', 201, ask.SnapshotCopyRequest, async (d) => work.copySnapshot(d)),
  del('snapshots.remove', SNAPSHOT, 205, (d, a) => work.removeSnapshot(d, a.id)),
];

/** The rest of libStorage's interface, which is about no volume or snapshot: all are read with GET. */
export const OWN_PATHS = [
  '/services',
  '/services/:service',
  '/tasks',
  '/tasks/:id',
  '/help',
  '/help/version',
  '/help/config',
  '/help/env',
] as const;
