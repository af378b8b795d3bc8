import { CODES, CORE_VERSION, type Code } from '@rexray/core';
import {
  ANSWERS,
  API,
  CallQuery,
  DryRunQuery,
  PROBLEM_TYPE,
  pathFields,
  ROUTES,
  type Route,
  VERB_ERRORS,
} from '@rexray/rest-client';

type Json = Record<string, unknown>;

/** The interface as an OpenAPI 3.1 document, made of the route table. */
export function openApi(): Json {
  const paths: Record<string, Json> = {};
  for (const r of ROUTES) {
    const at = paths[r.path] ?? {};
    at[r.method.toLowerCase()] = operation(r);
    paths[r.path] = at;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'REX-Ray',
      version: CORE_VERSION,
      description:
        'Persistent volumes for containers. Sizes in answers are bytes. Errors are problem documents (RFC 9457) with `code`, `details` and `hint`. A verb whose connection ends is canceled and rolled back, unless it was asked for with `Prefer: respond-async`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Mostly a unix socket' }],
    tags: [...new Set(ROUTES.map(tag))].map((name) => ({ name })),
    paths,
    components: { schemas: Object.fromEntries(Object.entries(ANSWERS).map(([name, s]) => [name, schemaOf(s, name)])) },
  };
}

const tag = (r: Route): string =>
  r.path.startsWith(`${API}/services/{service}/`)
    ? (r.path.split('/')[5] ?? 'services')
    : (r.path.split('/')[3] ?? 'document');

function operation(r: Route): Json {
  return {
    operationId: r.op,
    tags: [tag(r)],
    summary: r.summary,
    parameters: [...pathFields(r.path).map(pathParameter), ...queryParameters(r), ...headers(r)],
    ...(r.body !== undefined && {
      requestBody: {
        required: ((r.body as { required?: unknown[] }).required ?? []).length > 0,
        content: { 'application/json': { schema: schemaOf(r.body) } },
      },
    }),
    responses: { ...success(r), ...failures(r) },
  };
}

const pathParameter = (name: string): Json => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', minLength: 1 },
});

const isDryable = (r: Route): boolean => r.mutates && r.plane === undefined;
const isMatchable = (r: Route): boolean => r.mutates && r.path.startsWith(`${API}/services/{service}/volumes/{volume}`);

function queryParameters(r: Route): Json[] {
  const properties = { ...r.query.properties, ...(r.verb && CallQuery), ...(isDryable(r) && DryRunQuery) };
  return Object.entries(properties).map(([name, s]) => {
    const { description, ...schema } = schemaOf(s);
    return { name, in: 'query', required: false, ...(description !== undefined && { description }), schema };
  });
}

function headers(r: Route): Json[] {
  const header = (name: string, description: string, schema: Json = { type: 'string' }): Json => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  return [
    header('X-Request-Id', 'Comes back in the answer, and stands in the log and in every event', {
      type: 'string',
      maxLength: 128,
    }),
    ...(r.plane === 'storage'
      ? [
          header('X-Rexray-Node', 'The node for which it is asked, percent-encoded'),
          header('X-Rexray-Place', 'The place that the agent knows, percent-encoded: over another one nothing is done'),
        ]
      : []),
    ...(isMatchable(r) ? [header('If-Match', '`ETag` of the volume as it was read: 412 if it changed since')] : []),
    ...(r.op === 'get' ? [header('If-None-Match', '`ETag` that is known: 304 if it is still so')] : []),
    ...(r.op === 'events' ? [header('Last-Event-ID', 'Go on after this event')] : []),
    ...(r.mutates
      ? [
          header('Idempotency-Key', 'The same key with the same request is answered the same again, for some minutes', {
            type: 'string',
            maxLength: 255,
          }),
          header('X-Operation-Id', 'A UUID of the caller’s own, by which the verb can be canceled while it runs', {
            type: 'string',
            format: 'uuid',
          }),
          header('Prefer', '`respond-async`: answer 202 at once; the verb goes on without this connection'),
        ]
      : []),
  ];
}

function success(r: Route): Json {
  if (r.op === 'events')
    return { 200: { description: 'Events', content: { 'text/event-stream': { schema: { type: 'string' } } } } };
  if (r.op === 'openapi') return { 200: { description: 'OpenAPI 3.1', content: json({ type: 'object' }) } };
  const says = r.answer === undefined ? 'Done' : r.answer;
  const plain: Json = {
    description: r.status === 201 ? `${says}; it was made now, or was there before` : says,
    ...(r.answer !== undefined && {
      content: {
        ...json(ref(r.answer)),
        ...(r.verb && {
          'application/x-ndjson': {
            schema: {
              type: 'string',
              description:
                'Where accepted and the verb takes long: lines of `{progress}`, the last one `{status, result}` or `{status, problem}`; status 200',
            },
          },
        }),
      },
    }),
  };
  return {
    [r.status]: plain,
    ...(r.op === 'get' && { 304: { description: 'It is still as the `ETag` of If-None-Match says' } }),
    ...(r.mutates && {
      202: {
        description: 'With `Prefer: respond-async`: the operation; `Location` says where to read it',
        content: json(ref('Operation')),
      },
      ...(isDryable(r) &&
        r.status !== 200 && { 200: { description: 'With `dryRun`: the plan', content: json(ref('Plan')) } }),
    }),
    ...(isDryable(r) &&
      r.status === 200 && { 200: { ...plain, content: json({ oneOf: [ref(r.answer ?? 'Plan'), ref('Plan')] }) } }),
  };
}

/** One response a status; codes that share it are named together. */
function failures(r: Route): Json {
  const any: readonly Code[] = r.verb ? VERB_ERRORS : ['invalid', 'internal'];
  const codes = [...new Set([...any, ...r.errors])];
  const by = new Map<number, string[]>();
  for (const c of codes) by.set(CODES[c].http, [...(by.get(CODES[c].http) ?? []), `\`${c}\`: ${CODES[c].meaning}`]);
  if (r.mutates) by.set(409, [...(by.get(409) ?? []), '`invalid`: the Idempotency-Key was used for another request']);
  if (isMatchable(r)) by.set(412, ['`invalid`: the volume is not the one of If-Match any more']);
  by.set(401, ['`unauthenticated`: no credentials, or bad ones (on TCP)']);
  by.set(403, [...(by.get(403) ?? []), '`denied`: the caller may not use this server']);
  by.set(429, [...(by.get(429) ?? []), '`exhausted`: more requests a second than one caller may ask (on TCP)']);
  if (r.body !== undefined) {
    by.set(413, ['`invalid`: the body is too large']);
    by.set(415, ['`invalid`: the body is not JSON']);
  }
  return Object.fromEntries(
    [...by].map(([status, says]) => [
      status,
      { description: says.join('; '), content: { [PROBLEM_TYPE]: { schema: ref('Problem') } } },
    ]),
  );
}

const json = (schema: Json): Json => ({ 'application/json': { schema } });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** Plain JSON Schema; parts that are components of their own become references. */
function schemaOf(s: object, self?: string): Json {
  const plain = JSON.parse(JSON.stringify(s)) as Json;
  const walk = (x: unknown, top: boolean): unknown => {
    if (Array.isArray(x)) return x.map((y) => walk(y, false));
    if (typeof x !== 'object' || x === null) return x;
    const title = (x as { title?: unknown }).title;
    if (!top && typeof title === 'string' && Object.hasOwn(ANSWERS, title)) return ref(title);
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, walk(v, false)]));
  };
  return walk(plain, self !== undefined) as Json;
}
