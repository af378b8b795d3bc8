import { assertName, type CallOptions, VolumeError } from '@rexray/core';
import { pathFields, type Route } from './routes.ts';

/** A call as it goes over the wire. */
export interface WireCall {
  readonly method: Route['method'];
  /** Path and query. */
  readonly target: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

const CALL_OPTIONS = ['signal', 'timeoutMs', 'requestId', 'onProgress', 'idempotencyKey'];
type Fields = Readonly<Record<string, unknown>>;

/** Fields of a verb without the options that say how it is called. */
export const withoutCallOptions = (o: Fields): Record<string, unknown> =>
  Object.fromEntries(Object.entries(o).filter(([k, v]) => v !== undefined && !CALL_OPTIONS.includes(k)));

/** Positional arguments and options of a verb, as the one set of fields that the wire knows. */
export function fieldsOf(
  route: Route,
  args: readonly unknown[],
): { fields: Record<string, unknown>; options: CallOptions } {
  const options = (args[route.args.length] ?? {}) as CallOptions & Fields;
  const named = Object.fromEntries(route.args.map((name, i) => [name, args[i]]));
  const rest = withoutCallOptions(options);
  return { fields: route.op === 'plan' ? { ...named, options: rest } : { ...rest, ...named }, options };
}

/** The inverse, on the far side. */
export function argsOf(route: Route, fields: Fields, call: CallOptions): unknown[] {
  const { options, ...others } = fields;
  const rest = route.op === 'plan' ? (options as object | undefined) : omit(fields, route.args);
  return [...route.args.map((name) => others[name]), { ...rest, ...call }];
}

export const omit = (o: Fields, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(o).filter(([k]) => !names.includes(k)));

/** @throws VolumeError `invalid` where a name cannot stand in a path */
export function toWire(route: Route, fields: Fields, service?: string, timeoutMs?: number): WireCall {
  const inPath = pathFields(route.path);
  const all: Fields = { ...fields, ...(service !== undefined && { service }) };
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, all[name]));
  const rest = omit(all, inPath);
  const query = new URLSearchParams();
  if (timeoutMs !== undefined) query.set('timeoutMs', String(timeoutMs));
  if (route.body !== undefined) return { method: route.method, target: withQuery(path, query), body: rest };
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined) continue;
    if (name in REPEATED) for (const v of value as string[]) query.append(REPEATED[name] ?? name, v);
    else if (name === 'labels')
      for (const [k, v] of Object.entries(value as object)) query.append('label', `${k}=${v}`);
    else if (Array.isArray(value)) for (const v of value) query.append(name, String(v));
    else query.set(name, String(value));
  }
  return { method: route.method, target: withQuery(path, query) };
}

/** Lists that the query writes by repeating one word. */
const REPEATED: Readonly<Record<string, string>> = { names: 'name', states: 'state' };

const withQuery = (path: string, query: URLSearchParams): string => (query.size > 0 ? `${path}?${query}` : path);

function segment(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && !/\p{Cs}/u.test(value)) return encodeURIComponent(value);
  // The server would say the same of a name; of an empty path segment it could not.
  if (name === 'volume' || name === 'snapshot' || name === 'service') assertName(value, name);
  throw new VolumeError('invalid', `The ${name} is ${value === '' ? 'empty' : 'not a text'}.`, {
    details: { path: name, expected: 'a text' },
  });
}

/** Labels as the query writes them (`label=key=value`, repeated). */
export function labelsOf(label: readonly string[]): Record<string, string> {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const one of label) {
    const at = one.indexOf('=');
    out[one.slice(0, at)] = one.slice(at + 1);
  }
  return out;
}
