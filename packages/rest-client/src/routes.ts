import type { Code, Op, StorageOp } from '@rexray/core';
import type { TObject } from 'typebox';
import type { AnswerName } from './answer-schemas.ts';
import * as ask from './ask-schemas.ts';
import { STORAGE_ROUTES } from './storage-routes.ts';

/** Operations of the interface that are not verbs of an integration. */
export type OwnOp =
  | 'services.list'
  | 'services.get'
  | 'events'
  | 'operations.list'
  | 'operations.get'
  | 'operations.cancel'
  | 'health'
  | 'openapi';
/** Verbs of a service's storage, for agents. */
export type StorageRouteOp = `storage.${StorageOp}`;
export type RouteOp = Op | OwnOp | StorageRouteOp;

/** One row of the interface: the server registers it, the client calls it, the OpenAPI document describes it. */
export interface Route {
  readonly op: RouteOp;
  /** Of the storage below the integration: for agents. Absent: of the integration, or of the server itself. */
  readonly plane?: 'storage';
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With `{name}` for what is taken from the path. */
  readonly path: string;
  readonly summary: string;
  /** Positional arguments of the verb, by their names in path, query or body; all other fields are its options. */
  readonly args: readonly string[];
  readonly query: TObject;
  readonly body?: TObject;
  /** Absent: 204 without a body, or (`events`) a stream. */
  readonly answer?: AnswerName;
  readonly status: 200 | 201 | 204;
  /** A verb of an integration. */
  readonly verb: boolean;
  /** It changes something: takes `dryRun` (but for storage), `Idempotency-Key`, `Prefer: respond-async`, and is an operation while it runs. */
  readonly mutates: boolean;
  /** Codes beside those that every verb may answer. */
  readonly errors: readonly Code[];
}

export const API = '/api/v2';
const SERVICE = `${API}/services/{service}`;
const VOLUME = `${SERVICE}/volumes/{volume}`;

type Some = Partial<Pick<Route, 'args' | 'query' | 'body' | 'answer' | 'status' | 'errors'>>;
const row = (op: RouteOp, at: string, summary: string, o: Some, kind: Pick<Route, 'verb' | 'mutates'>): Route => {
  const [method = '', path = ''] = at.split(' ');
  return {
    op,
    method: method as Route['method'],
    path,
    summary,
    args: [],
    query: ask.NoQuery,
    status: o.answer === undefined ? 204 : 200,
    errors: [],
    ...kind,
    ...o,
  };
};
const own = (op: OwnOp, at: string, summary: string, o: Some = {}): Route =>
  row(op, at, summary, o, { verb: false, mutates: false });
const read = (op: Op, at: string, summary: string, o: Some = {}): Route =>
  row(op, at, summary, o, { verb: true, mutates: false });
const change = (op: Op, at: string, summary: string, o: Some = {}): Route =>
  row(op, at, summary, o, { verb: true, mutates: true });

export const ROUTES: readonly Route[] = [
  own('services.list', `GET ${API}/services`, 'The configured services', { answer: 'Services' }),
  own('services.get', `GET ${SERVICE}`, 'One service: its driver, traits and verbs', {
    answer: 'ServiceInfo',
    errors: ['not_found'],
  }),
  read('capacity', `GET ${SERVICE}/capacity`, 'Space of the storage', { answer: 'Space' }),
  read('nodes.list', `GET ${SERVICE}/nodes`, 'Nodes that have volumes attached, and this one', { answer: 'Nodes' }),

  read('list', `GET ${SERVICE}/volumes`, 'Volumes, a page at a time', { query: ask.ListQuery, answer: 'VolumePage' }),
  change('create', `POST ${SERVICE}/volumes`, 'Make a volume; one that exists is answered unchanged', {
    args: ['name'],
    body: ask.Create,
    answer: 'Volume',
    status: 201,
    errors: ['already_exists', 'out_of_range', 'exhausted', 'denied'],
  }),
  read('get', `GET ${VOLUME}`, 'One volume', { args: ['volume'], answer: 'Volume' }),
  change('modify', `PATCH ${VOLUME}`, 'Change labels, hints or the driver’s options', {
    args: ['volume'],
    body: ask.Modify,
    answer: 'Volume',
  }),
  change('remove', `DELETE ${VOLUME}`, 'Remove a volume; absent is success', {
    args: ['volume'],
    query: ask.RemoveQuery,
    errors: ['in_use', 'denied'],
  }),
  change('clone', `POST ${VOLUME}/clone`, 'Copy a volume under a new name', {
    args: ['volume', 'to'],
    body: ask.Copy,
    answer: 'Volume',
    status: 201,
    errors: ['already_exists', 'in_use', 'exhausted', 'denied'],
  }),
  change('expand', `POST ${VOLUME}/expand`, 'Grow to an absolute size; never shrinks', {
    args: ['volume'],
    body: ask.Expand,
    answer: 'ExpandResult',
    errors: ['out_of_range', 'in_use', 'exhausted'],
  }),
  change('format', `POST ${VOLUME}/format`, 'Wipe the file system that has this UUID, and make it anew', {
    args: ['volume'],
    body: ask.Format,
    answer: 'Volume',
    errors: ['in_use', 'denied'],
  }),
  change('attach', `POST ${VOLUME}/attach`, 'Attach to this node without mounting', {
    args: ['volume'],
    body: ask.Attach,
    answer: 'Volume',
    errors: ['in_use', 'denied', 'exhausted'],
  }),
  change('detach', `POST ${VOLUME}/detach`, 'Detach from this node', {
    args: ['volume'],
    body: ask.Detach,
    answer: 'Volume',
    errors: ['in_use'],
  }),
  change('mount', `POST ${VOLUME}/mount`, 'Mount on this node for a holder', {
    args: ['volume'],
    body: ask.Mount,
    answer: 'Mount',
    errors: ['in_use', 'denied', 'exhausted', 'data_loss'],
  }),
  change('unmount', `POST ${VOLUME}/unmount`, 'Give one mount of a holder back; the last one really unmounts', {
    args: ['volume'],
    body: ask.Unmount,
    errors: ['in_use'],
  }),
  change('adopt', `POST ${SERVICE}/adopt`, 'Make a volume ours that the storage has and we do not know', {
    args: ['id', 'as'],
    body: ask.Adopt,
    answer: 'Volume',
    status: 201,
    errors: ['already_exists'],
  }),

  read('snapshots.list', `GET ${SERVICE}/snapshots`, 'Snapshots, a page at a time', {
    query: ask.SnapshotListQuery,
    answer: 'SnapshotPage',
  }),
  change('snapshots.create', `POST ${VOLUME}/snapshots`, 'Take a snapshot', {
    args: ['volume', 'snapshot'],
    body: ask.SnapshotCreate,
    answer: 'Snapshot',
    status: 201,
    errors: ['already_exists', 'in_use', 'exhausted'],
  }),
  change('snapshots.remove', `DELETE ${SERVICE}/snapshots/{snapshot}`, 'Remove a snapshot; absent is success', {
    args: ['snapshot'],
    errors: ['in_use', 'denied'],
  }),
  change('snapshots.restore', `POST ${SERVICE}/snapshots/{snapshot}/restore`, 'A new volume from a snapshot', {
    args: ['snapshot', 'to'],
    body: ask.Copy,
    answer: 'Volume',
    status: 201,
    errors: ['already_exists', 'exhausted', 'denied'],
  }),

  read('holders.list', `GET ${SERVICE}/holders`, 'Who needs which mount on this node', {
    query: ask.HolderListQuery,
    answer: 'Holders',
  }),
  change('holders.release', `DELETE ${VOLUME}/holders/{holder}`, 'Drop a leaked holder, whatever its count', {
    args: ['volume', 'holder'],
    errors: ['in_use'],
  }),
  read('plan', `POST ${SERVICE}/plan`, 'What a verb would do, step by step, and what forbids it', {
    args: ['op', 'name'],
    body: ask.PlanAsk,
    answer: 'Plan',
  }),

  ...STORAGE_ROUTES,

  own('events', `GET ${API}/events`, 'Server-sent events; resumed by `Last-Event-ID`', {
    query: ask.EventsQuery,
    status: 200,
    errors: ['invalid', 'unavailable'],
  }),
  own('operations.list', `GET ${API}/operations`, 'Verbs that run, and asynchronous ones that ended lately', {
    answer: 'Operations',
  }),
  own('operations.get', `GET ${API}/operations/{operation}`, 'One operation', {
    query: ask.WaitQuery,
    answer: 'Operation',
    errors: ['not_found'],
  }),
  own('operations.cancel', `DELETE ${API}/operations/{operation}`, 'Cancel; answers when the roll-back has ended', {
    query: ask.WaitQuery,
    answer: 'Operation',
    errors: ['not_found'],
  }),
  own('health', `GET ${API}/health`, 'Whether the server works, and what it serves', { answer: 'Health' }),
  own('openapi', 'GET /openapi.json', 'This document', { status: 200 }),
];

/** Codes that any verb may answer. */
export const VERB_ERRORS: readonly Code[] = [
  'invalid',
  'not_found',
  'busy',
  'unsupported',
  'unavailable',
  'timeout',
  'canceled',
  'internal',
];

const BY_OP = new Map(ROUTES.map((r) => [r.op, r]));
export function routeOf(op: RouteOp): Route {
  const r = BY_OP.get(op);
  if (r === undefined) throw new Error(`no route of ${op}`);
  return r;
}

/** Names in braces of a path template. */
export const pathFields = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '');
