import { API, pathFields, ROUTES } from '@rexray/rest-client';
import { Value } from 'typebox/value';
import { afterAll, describe, expect, it } from 'vitest';
import { openApi } from '../src/index.ts';
import { Cleanup, serve } from './embedded.ts';
import { raw } from './raw.ts';

type Json = { readonly [k: string]: unknown };
const document = openApi() as Json & {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Json };
};
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}
const cleanup = new Cleanup();
afterAll(() => cleanup.run());

function* parts(x: unknown, at = '#'): Generator<[string, Json]> {
  if (typeof x !== 'object' || x === null) return;
  if (!Array.isArray(x)) yield [at, x as Json];
  for (const [k, v] of Object.entries(x)) yield* parts(v, `${at}/${k}`);
}
const operations = (): [string, string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, o]): [string, string, Operation] => [path, method, o]),
  );

describe('OpenAPI document', () => {
  it('is 3.1, served as JSON, and the same as the one without a server', async () => {
    const { socket } = await serve(cleanup);
    const r = await raw(socket, '/openapi.json');
    expect(r.headers['content-type']).toContain('application/json');
    expect(r.body).toEqual(JSON.parse(JSON.stringify(document)));
    expect(r.body.openapi).toBe('3.1.0');
    expect(r.body.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  });

  it('has every route of the table once, and no other', () => {
    const wanted = ROUTES.map((r) => `${r.method.toLowerCase()} ${r.path} ${r.op}`).sort();
    expect(
      operations()
        .map(([path, method, o]) => `${method} ${path} ${o.operationId}`)
        .sort(),
    ).toEqual(wanted);
    expect(new Set(operations().map(([, , o]) => o.operationId)).size).toBe(ROUTES.length);
  });

  it('every reference resolves, every component is used, every schema is one', () => {
    const used = new Set<string>();
    for (const [at, x] of parts(document)) {
      if (typeof x.$ref !== 'string') continue;
      const name = x.$ref.replace('#/components/schemas/', '');
      expect(document.components.schemas, at).toHaveProperty(name);
      expect(Object.keys(x), at).toEqual(['$ref']);
      used.add(name);
    }
    expect(Object.keys(document.components.schemas).filter((n) => !used.has(n))).toEqual([]);
    // A schema that is none would throw, or accept what is no object.
    for (const [name, s] of Object.entries(document.components.schemas))
      expect(Value.Check({ ...(s as object), ...document.components.schemas } as never, 5), name).toBe(false);
  });

  it('parameters: those of the path are declared and required, no name comes twice', () => {
    for (const [path, method, o] of operations()) {
      const at = `${method} ${path}`;
      expect(
        o.parameters.filter((p) => p.in === 'path').map((p) => p.name),
        at,
      ).toEqual(pathFields(path));
      for (const p of o.parameters) expect(p.required, `${at} ${p.name}`).toBe(p.in === 'path');
      const names = o.parameters.map((p) => `${p.in} ${p.name}`);
      expect(new Set(names).size, at).toBe(names.length);
    }
  });

  it('answers: a success and its errors are described; what changes something takes dryRun and a key', () => {
    for (const [path, method, o] of operations()) {
      const at = `${method} ${path}`;
      const statuses = Object.keys(o.responses);
      expect(
        statuses.some((s) => s.startsWith('2')),
        at,
      ).toBe(true);
      for (const [s, r] of Object.entries(o.responses)) {
        expect(r.description, `${at} ${s}`).not.toBe('');
        if (Number(s) >= 400) expect(Object.keys(r.content ?? {})).toEqual(['application/problem+json']);
      }
      const route = ROUTES.find((r) => r.op === o.operationId);
      expect(
        o.parameters.some((p) => p.name === 'dryRun'),
        at,
      ).toBe(route?.mutates === true && route.plane === undefined);
      expect(
        o.parameters.some((p) => p.name === 'Idempotency-Key'),
        at,
      ).toBe(route?.mutates);
      expect(Boolean(o.requestBody), at).toBe(route?.body !== undefined);
      if (path.startsWith(`${API}/services/{service}/`)) expect(statuses).toContain('503');
    }
  });

  it('says what is a secret, and that numbers are bytes', () => {
    const create =
      document.paths[`${API}/services/{service}/volumes`]?.post?.requestBody?.content['application/json']?.schema;
    const properties = (create as { properties: Record<string, Json> }).properties;
    expect(properties.encryptionKey?.writeOnly).toBe(true);
    expect(properties.size?.description).toContain('bytes');
    expect((create as Json).additionalProperties).toBe(false);
  });
});
