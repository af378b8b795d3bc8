import type { Code, StorageOp } from '@rexray/core';
import type { TObject } from 'typebox';
import type { AnswerName } from './answer-schemas.ts';
import { NoQuery } from './ask-schemas.ts';
import type { Route } from './routes.ts';
import * as ask from './storage-schemas.ts';

const STORAGE = '/api/v2/services/{service}/storage';
const VOLUME = `${STORAGE}/volumes/{id}`;

interface Some {
  readonly query?: TObject;
  readonly body?: TObject;
  readonly answer?: AnswerName;
  readonly status?: 200 | 201 | 204;
  readonly errors?: readonly Code[];
}
type Row = readonly [op: StorageOp, at: string, summary: string, o: Some];

const read = (...[op, at, summary, o]: Row): Route => row(op, at, summary, o, false);
const change = (...[op, at, summary, o]: Row): Route => row(op, at, summary, o, true);
const row = (op: StorageOp, at: string, summary: string, o: Some, mutates: boolean): Route => {
  const [method = '', path = ''] = at.split(' ');
  return {
    op: `storage.${op}`,
    plane: 'storage',
    method: method as Route['method'],
    path,
    summary,
    args: [],
    query: NoQuery,
    status: o.answer === undefined ? 204 : 200,
    verb: true,
    mutates,
    ...o,
    // An agent may act only for nodes of its own.
    errors: [...new Set<Code>(['denied', ...(o.errors ?? [])])],
  };
};

const made = { answer: 'DriverVolume', status: 201, errors: ['already_exists', 'out_of_range', 'exhausted'] } as const;

/** The storage of a service for agents: the driver interface, one row a verb. */
export const STORAGE_ROUTES: readonly Route[] = [
  read('whoami', `POST ${STORAGE}/whoami`, 'Which node an agent is, and what the storage can do', {
    body: ask.Facts,
    answer: 'StorageAbout',
  }),
  read('identity', `GET ${STORAGE}/identity`, 'The place that the storage is', {
    query: ask.IdentityQuery,
    answer: 'Identity',
  }),
  read('list', `GET ${STORAGE}/volumes`, 'Volumes as the driver knows them, a page at a time', {
    query: ask.StorageListQuery,
    answer: 'DriverVolumePage',
  }),
  read('find', `GET ${STORAGE}/find`, 'The volume of a name, if there is one', {
    query: ask.FindQuery,
    answer: 'Found',
  }),
  read('get', `GET ${VOLUME}`, 'The volume of an id', { answer: 'DriverVolume' }),
  change('create', `POST ${STORAGE}/volumes`, 'Make a volume with its record', { body: ask.StorageCreate, ...made }),
  change('remove', `DELETE ${VOLUME}`, 'Remove a volume; absent is success', { errors: ['in_use'] }),
  change('attach', `POST ${VOLUME}/attach`, 'Give a node the right to use a volume; answers how it reaches it', {
    body: ask.StorageAttach,
    answer: 'Attachment',
    errors: ['in_use', 'exhausted'],
  }),
  change('detach', `POST ${VOLUME}/detach`, 'Take the right back; not attached is success', {
    body: ask.StorageDetach,
  }),
  change('mark', `POST ${VOLUME}/mark`, 'Change the record, if it still has the revision that was read', {
    body: ask.Mark,
    answer: 'DriverVolume',
    errors: ['data_loss', 'in_use'],
  }),
  change('expand', `POST ${VOLUME}/expand`, 'Grow to an absolute size', {
    body: ask.StorageExpand,
    answer: 'DriverVolume',
    errors: ['out_of_range', 'exhausted'],
  }),
  change('modify', `PATCH ${VOLUME}`, 'Change hints or options', { body: ask.StorageModify, answer: 'DriverVolume' }),
  change('clone', `POST ${VOLUME}/clone`, 'A copy under a new name', {
    body: ask.StorageCreate,
    ...made,
    errors: [...made.errors, 'in_use'],
  }),
  change('adopt', `POST ${VOLUME}/adopt`, 'Make a foreign volume ours', { body: ask.StorageAdopt, ...made }),
  read('owner', `GET ${VOLUME}/owner`, 'Whether a node still has the volume', {
    query: ask.NodeQuery,
    answer: 'Ownership',
  }),
  change('requestRelease', `POST ${VOLUME}/release`, 'Ask its owner to let go', { body: ask.StorageNode }),
  read('capacity', `GET ${STORAGE}/capacity`, 'Space of the storage', { answer: 'Space' }),
  change('sweep', `POST ${STORAGE}/sweep`, 'Remove half-made things of a node’s dead processes', {
    body: ask.Sweep,
    answer: 'Swept',
  }),
  read('snapshots.list', `GET ${STORAGE}/snapshots`, 'Snapshots as the driver knows them', {
    query: ask.StorageSnapshotQuery,
    answer: 'DriverSnapshotPage',
  }),
  change('snapshots.create', `POST ${VOLUME}/snapshots`, 'Take a snapshot', {
    body: ask.StorageSnapshotCreate,
    answer: 'DriverSnapshot',
    status: 201,
    errors: ['already_exists', 'exhausted', 'in_use'],
  }),
  change('snapshots.remove', `DELETE ${STORAGE}/snapshots/{snapshotId}`, 'Remove a snapshot; absent is success', {
    errors: ['in_use'],
  }),
  change('snapshots.restore', `POST ${STORAGE}/snapshots/{snapshotId}/restore`, 'A new volume from a snapshot', {
    body: ask.StorageCreate,
    ...made,
  }),
];
