import { type CallOptions, type Integration, notFound, PLANNED, type PlannedOp, VolumeError } from '@rexray/core';
import { nearest, Type } from '@rexray/core/schema';
import { API, CallQuery, DryRunQuery, omit, type Route, routeOf } from '@rexray/rest-client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import { failure, success } from './answers.ts';
import type { Audit, Change } from './audit.ts';
import type { Access } from './auth/callers.ts';
import { check, checkDepth, fromQuery } from './check.ts';
import { etagOf, hasTag, type Matching } from './etag.ts';
import type { Answer, Answers } from './idempotency.ts';
import type { Begun, Operations } from './operations.ts';
import { agentOf, performStorage } from './storage-route.ts';
import { perform, performDry, SlowAnswer } from './verb-route.ts';

export interface VerbRoom {
  readonly services: Readonly<Record<string, Integration>>;
  readonly access: Access;
  readonly audit: Audit;
  readonly operations: Operations;
  readonly answers: Answers;
  readonly signMs: number;
  readonly matching: Matching;
}
type Fields = Readonly<Record<string, unknown>>;
interface Asked {
  readonly service: Integration;
  readonly fields: Fields;
  readonly timeoutMs: number | undefined;
  readonly dryRun: boolean;
}

/** @throws VolumeError `not_found` with near names */
export function serviceOf(services: VerbRoom['services'], name: string): Integration {
  const it = Object.hasOwn(services, name) ? services[name] : undefined;
  if (it !== undefined) return it;
  throw notFound('Service', name.slice(0, 200), nearest(name.slice(0, 64), Object.keys(services)));
}

/** One route of a verb: what it is asked, the verb, and the answer in the form that the caller takes. */
export function verbHandler(route: Route, room: VerbRoom): (q: FastifyRequest, r: FastifyReply) => Promise<unknown> {
  const query = Type.Object(
    { ...route.query.properties, ...CallQuery, ...(isDryable(route) && DryRunQuery) },
    { additionalProperties: false },
  );
  return async (q, r) => {
    const asked = ask(route, query, room, q);
    const async_ =
      route.mutates && !asked.dryRun && /(^|,)\s*respond-async\s*(,|;|$)/i.test(one(q.headers.prefer) ?? '');
    const slow =
      !async_ && /application\/x-ndjson/i.test(q.headers.accept ?? '')
        ? new SlowAnswer(r.raw, { signMs: room.signMs, headers: { 'x-request-id': q.id } })
        : undefined;
    try {
      const act = (): Promise<Answer> =>
        async_ ? begunOnly(route, room, asked, q) : attended(route, room, asked, q, r, slow);
      const key = route.mutates && !asked.dryRun ? one(q.headers['idempotency-key']) : undefined;
      if (key === undefined) return await send(r, await act(), slow);
      // How long a caller waits is no part of what it asks: the second time it has less left.
      const query = omit(q.query as Record<string, unknown>, ['timeoutMs']);
      const request = [q.method, route.path, q.params, query, q.body ?? null, async_];
      const { answer, replayed } = await room.answers.once(key, request, act, `${q.caller.via} ${q.caller.name}`);
      if (replayed) r.header('idempotent-replayed', 'true');
      return await send(r, answer, slow);
    } catch (e) {
      // Refused before the verb began: the stream of a slow answer may have begun while it waited for another call of its key.
      return await send(r, failure(e, q.id), slow);
    } finally {
      slow?.stop();
    }
  };
}

/** Whether a plan can be made of it: the storage below the integration has none. */
const isDryable = (route: Route): boolean => route.mutates && route.plane === undefined;

const one = (h: string | string[] | undefined): string | undefined => (Array.isArray(h) ? h[0] : h);

function ask(route: Route, query: TObject, room: VerbRoom, q: FastifyRequest): Asked {
  const { service, ...inPath } = q.params as Record<string, string>;
  const it = serviceOf(room.access.visible(q.caller, room.services), service ?? '');
  const asked = check(query, fromQuery(query, q.query as Record<string, string>), 'query');
  checkDepth(q.body);
  const body = route.body === undefined ? {} : check(route.body, q.body ?? {}, 'body');
  if (route.op === 'plan') checkPlan(body as { op: PlannedOp; options?: unknown });
  return {
    service: it,
    fields: { ...omit(asked, ['timeoutMs', 'dryRun']), ...inPath, ...body },
    timeoutMs: asked.timeoutMs as number | undefined,
    dryRun: asked.dryRun === true,
  };
}

/** The options of a plan are the fields of the planned verb's own route, but for its first argument. */
const PLAN_OPTIONS = new Map<PlannedOp, TObject>(
  PLANNED.map((op) => {
    const route = routeOf(op);
    const [first = '', ...others] = route.args;
    const properties = {
      ...Object.fromEntries(others.map((name) => [name, Type.String()])),
      ...route.query.properties,
      ...route.body?.properties,
    };
    delete properties[first];
    return [
      op,
      Type.Object(Object.fromEntries(Object.entries(properties).map(([k, s]) => [k, Type.Optional(s)])), {
        additionalProperties: false,
      }),
    ];
  }),
);
function checkPlan(body: { op: PlannedOp; options?: unknown }): void {
  const options = PLAN_OPTIONS.get(body.op);
  if (options !== undefined && body.options !== undefined) check(options, body.options, `options of ${body.op}`);
}

function begin(
  route: Route,
  room: VerbRoom,
  asked: Asked,
  q: FastifyRequest,
  o: { keep: boolean; onProgress?: SlowAnswer },
): Begun {
  const { service, fields, timeoutMs, dryRun } = asked;
  const id = one(q.headers['x-operation-id']);
  return room.operations.begin({
    op: dryRun ? 'plan' : route.op,
    service: service.service,
    volume: String(fields.volume ?? fields.name ?? fields.snapshot ?? fields.id ?? fields.snapshotId ?? ''),
    requestId: q.id,
    id: route.mutates && id !== undefined ? operationId(id) : undefined,
    keep: o.keep,
    run(signal, onProgress) {
      const call: CallOptions = {
        signal,
        requestId: q.id,
        ...(timeoutMs !== undefined && { timeoutMs }),
        onProgress(p) {
          onProgress(p);
          o.onProgress?.progress(p);
        },
      };
      if (dryRun) return performDry(service, route, fields, call);
      const act = (): Promise<unknown> =>
        route.plane === 'storage'
          ? performStorage(service, route, fields, { ...call, ...agentOf(q) })
          : perform(service, route, fields, call);
      if (!route.mutates) return act();
      const ifMatch = one(q.headers['if-match']);
      const audited = (): Promise<unknown> => room.audit.around(changeOf(route, asked, q), act);
      return ifMatch === undefined || !matchable(route)
        ? audited()
        : room.matching.run(ifMatch, service, String(fields.volume), audited);
    },
  });
}

/** It is about one volume that is there already. */
const matchable = (route: Route): boolean => route.mutates && route.path.startsWith(VOLUME);
const VOLUME = `${API}/services/{service}/volumes/{volume}`;

/** Verbs whose name in the path is not that of a volume. */
const NAMELESS: readonly string[] = ['snapshots.remove', 'adopt'];

const changeOf = (route: Route, { service, fields }: Asked, q: FastifyRequest): Change => ({
  caller: q.caller,
  requestId: q.id,
  op: route.op,
  it: service,
  volume: String(fields.to ?? fields.volume ?? fields.name ?? fields.snapshot ?? fields.id ?? ''),
  asked: fields,
  named: route.plane === undefined ? !NAMELESS.includes(route.op) : fields.id === undefined,
  ...(route.plane === 'storage' && typeof fields.id === 'string' && { id: fields.id }),
});

function operationId(id: string): string {
  if (/^[\w-]{16,64}$/.test(id)) return id;
  throw new VolumeError('invalid', 'The X-Operation-Id is not usable.', {
    details: { path: 'X-Operation-Id', expected: 'a UUID' },
  });
}

/** The caller waits: when its connection ends, the verb is canceled and rolls back. */
async function attended(
  route: Route,
  room: VerbRoom,
  asked: Asked,
  q: FastifyRequest,
  r: FastifyReply,
  slow: SlowAnswer | undefined,
): Promise<Answer> {
  const op = begin(route, room, asked, q, { keep: false, ...(slow !== undefined && { onProgress: slow }) });
  const gone = (): void => {
    if (!r.raw.writableFinished) op.cancel();
  };
  if (r.raw.destroyed) op.cancel();
  r.raw.on('close', gone);
  try {
    const result = await op.result;
    const next = (result as { next?: string } | undefined)?.next;
    const tag = route.answer === 'Volume' && !asked.dryRun ? etagOf(result) : undefined;
    const known = one(q.headers['if-none-match']);
    if (tag !== undefined && route.op === 'get' && known !== undefined && hasTag(known, tag, true))
      return { status: 304, headers: { etag: tag }, body: '', final: true };
    return success(asked.dryRun ? 200 : route.status, result, {
      ...(tag !== undefined && { etag: tag }),
      ...(next !== undefined && { link: linkTo(q, next) }),
    });
  } catch (e) {
    return failure(e, q.id);
  } finally {
    r.raw.off('close', gone);
  }
}

function linkTo(q: FastifyRequest, cursor: string): string {
  const [path = '', query] = q.url.split('?');
  const next = new URLSearchParams(query);
  next.set('cursor', cursor);
  return `<${path}?${next}>; rel="next"`;
}

async function begunOnly(route: Route, room: VerbRoom, asked: Asked, q: FastifyRequest): Promise<Answer> {
  const op = begin(route, room, asked, q, { keep: true });
  return success(202, await room.operations.get(op.id), {
    location: `${API}/operations/${op.id}`,
    'preference-applied': 'respond-async',
  });
}

async function send(r: FastifyReply, answer: Answer, slow: SlowAnswer | undefined): Promise<unknown> {
  slow?.stop();
  if (slow?.begun !== true)
    return r
      .code(answer.status)
      .headers(answer.headers)
      .send(answer.body === '' ? undefined : Buffer.from(answer.body));
  r.hijack();
  slow.end(answer.status, answer.body);
  return r;
}
