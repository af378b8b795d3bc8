/** Requests made from the OpenAPI document and from libStorage's table, good and bad, by a seed: the same seed, the same requests. */
import { openApi } from '../src/index.ts';
import { V1_ROUTES } from '../src/v1/routes.ts';

type Json = Record<string, unknown>;
interface Param {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Json;
}
interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly params: readonly Param[];
  readonly body: Json | undefined;
  readonly statuses: ReadonlySet<number>;
  readonly v1: boolean;
}

/** Stands in the labels of everything in the service that one caller must not see; it may guess the names. */
export const MARK = 'zzhiddenzz';

export function operations(): readonly Operation[] {
  const doc = openApi() as { paths: Record<string, Record<string, Json>> };
  const v2 = Object.entries(doc.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, op]) => ({
      id: String(op.operationId),
      method: method.toUpperCase(),
      path,
      params: (op.parameters ?? []) as Param[],
      body: (op.requestBody as { content: Record<string, { schema: Json }> } | undefined)?.content['application/json']
        ?.schema,
      statuses: new Set(Object.keys(op.responses as object).map(Number)),
      v1: false,
    })),
  );
  const v1 = V1_ROUTES.map((r) => ({
    id: `v1 ${r.op} ${r.on ?? ''}`,
    method: r.method,
    path: r.path.replace(/:(\w+)/g, '{$1}') + (r.on === undefined ? '' : `?${r.on}`),
    params: [...r.path.matchAll(/:(\w+)/g)].map((m) => ({ name: m[1] ?? '', in: 'path', schema: {} })),
    body: r.body as Json | undefined,
    statuses: new Set<number>(),
    v1: true,
  }));
  return [...v2.filter((o) => o.id !== 'events'), ...v1];
}

/** mulberry32: small, and the same everywhere. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
}

const STRANGE = [
  '',
  ' ',
  '..',
  '../../etc/passwd',
  'a/b',
  'a\u0000b',
  '%00',
  '__proto__',
  'constructor',
  '-rf',
  '$(id)',
  "';--",
  'ü',
  '\u202e',
  '💾',
  'x'.repeat(300),
  'x'.repeat(5000),
  'null',
  'NaN',
  '1e309',
  '\r\nX: y',
  'hid-1',
];
const NAMES = ['v-0', 'v-1', 'v-2', 'v-3', 'v-4', 'v-5', 's-0', 's-1'];
const SERVICES = ['memory', 'memory', 'memory', 'hidden', 'absent'];
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  '',
  'x',
  [],
  {},
  [[]],
  { a: { b: {} } },
];

function text(d: Dice, name: string): string {
  if (d.chance(0.15)) return d.of(STRANGE);
  if (name === 'service') return d.of(SERVICES);
  if (name === 'holder') return d.of(['cli', 'engine:a', 'csi:/x', 'nobody', '']);
  if (name === 'size') return d.of(['64MiB', '1GiB', '128MiB', '-1', '1', '9EiB', '0']);
  if (name === 'operation') return d.of(['00000000-0000-4000-8000-000000000000', 'x']);
  if (name === 'id') return d.of(['v-0', 'mem-1', 'mem-2', 'x']);
  if (name === 'node' || name === 'bootId') return d.of(['node-a', 'node-b', 'x']);
  return d.of(NAMES);
}

/** A value of a JSON schema; now and then one of another. */
function value(d: Dice, s: Json, name: string, depth = 0): unknown {
  if (d.chance(0.06) || depth > 6) return d.of(VALUES);
  if (s.const !== undefined) return s.const;
  if (Array.isArray(s.enum)) return d.of(s.enum);
  const union = (s.anyOf ?? s.oneOf) as Json[] | undefined;
  if (union !== undefined) return value(d, d.of(union), name, depth + 1);
  switch (s.type) {
    case 'object':
      return objectOf(d, s, depth);
    case 'array':
      return Array.from({ length: d.below(3) }, () => value(d, (s.items ?? {}) as Json, name, depth + 1));
    case 'integer':
    case 'number':
      return d.of([0, 1, 2, 100, 1000, -1, 2 ** 31, 67_108_864]);
    case 'boolean':
      return d.chance(0.5);
    case 'string':
      return text(d, name);
    default:
      return d.of(VALUES);
  }
}

function objectOf(d: Dice, s: Json, depth: number): Json {
  const required = (s.required ?? []) as string[];
  const out: Json = {};
  for (const [k, sub] of Object.entries((s.properties ?? {}) as Record<string, Json>))
    if ((required.includes(k) && !d.chance(0.03)) || d.chance(0.25)) out[k] = value(d, sub, k, depth + 1);
  if (s.additionalProperties !== undefined && s.additionalProperties !== false && d.chance(0.3))
    out[text(d, 'key')] = 'x';
  if (d.chance(0.03)) out[d.of(['extra', 'signal', '__proto__'])] = 1;
  return out;
}

type Who = 'socket' | 'ann' | 'bob' | 'nobody' | 'forged';
export interface Ask {
  readonly n: number;
  readonly op: Operation;
  readonly who: Who;
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

export function ask(d: Dice, n: number, all: readonly Operation[]): Ask {
  const op = d.of(all);
  const who = d.of<Who>(['socket', 'socket', 'ann', 'bob', 'bob', 'nobody', 'forged']);
  let target = op.path;
  const headers: Record<string, string> = {};
  const query = new URLSearchParams();
  for (const p of op.params) {
    const v = value(d, p.schema, p.name);
    if (p.in === 'path')
      target = target.replace(
        `{${p.name}}`,
        encodeURIComponent(text(d, p.name === 'id' || p.name === 'service' ? p.name : p.name)) || '%20',
      );
    else if (p.in === 'query' && d.chance(0.25)) query.append(p.name, p.name === 'timeoutMs' ? '2000' : String(v));
    else if (p.in === 'header' && d.chance(0.1)) headers[p.name.toLowerCase()] = headerSafe(String(v));
  }
  if (d.chance(0.02)) query.append(d.of(['x', '__proto__', 'limit']), d.of(STRANGE));
  // An operation that nobody waits for would go on when the run has ended.
  delete headers.prefer;
  if (op.v1 && d.chance(0.5))
    headers['libstorage-instanceid'] = d.of(['memory=node-a', 'memory:hidden=x', 'memory=x,a=b', 'nonsense', '=']);
  const schema = op.body;
  const body = schema === undefined ? undefined : bodyOf(d, schema);
  if (body !== undefined) headers['content-type'] = d.chance(0.02) ? 'text/plain' : 'application/json';
  const q = query.toString();
  return {
    n,
    op,
    who,
    method: d.chance(0.01) ? d.of(['PUT', 'GET', 'DELETE', 'OPTIONS', 'HEAD']) : op.method,
    target: q === '' ? target : target + (target.includes('?') ? '&' : '?') + q,
    headers,
    body,
  };
}

const headerSafe = (s: string): string => s.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);

function bodyOf(d: Dice, schema: Json): string {
  const text = JSON.stringify(objectOf(d, schema, 0));
  if (d.chance(0.02)) return text.slice(0, d.below(text.length + 1));
  if (d.chance(0.005)) return `{"name":"${'x'.repeat(300_000)}"}`;
  return text;
}
