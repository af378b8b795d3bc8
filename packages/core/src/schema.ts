/** Schemas of configuration and per-volume options: typebox inside, Standard Schema plus JSON Schema outside. */
import { VolumeError } from './errors.ts';
import { nearest } from './nearest.ts';
import { closed, type Fault, type Issue, issuesOf, nodeAt, UNKNOWN } from './schema/describe.ts';
import { fit, type Node } from './schema/fit.ts';
import { type Static, type TSchema, Type, Value } from './typebox.ts';

export { nearest } from './nearest.ts';
export type { Issue } from './schema/describe.ts';
export { type Static, type TSchema, Type, Value };

/** A Standard Schema that also gives its JSON Schema, from which docs, OpenAPI, CLI help and secret marks (`writeOnly`) come. */
export interface Schema<T> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
    readonly validate: (
      value: unknown,
    ) => { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly Issue[] };
    readonly jsonSchema: { input(o?: object): Record<string, unknown> };
  };
}
/** What a {@link Schema} yields. */
export type Output<S> = S extends Schema<infer T> ? T : never;

/**
 * Wraps a typebox schema. Strings are converted to the schema's types (wires and environment are strings), defaults are
 * filled in at every depth, unknown keys are issues unless the object says `additionalProperties`. The value given is not changed.
 */
export function schema<S extends TSchema>(type: S): Schema<Static<S>> {
  const strict = closed(type);
  const check = (node: Node, value: unknown): boolean => Value.Check(node as TSchema, value);
  return {
    '~standard': {
      version: 1,
      vendor: 'rexray',
      validate(value) {
        const fitted = fit(strict as Node, value ?? undefined, check);
        if (Value.Check(strict, fitted)) return { value: fitted as Static<S> };
        return { issues: issuesOf(strict as Node, [...Value.Errors(strict, fitted)] as unknown as Fault[]) };
      },
      jsonSchema: { input: () => JSON.parse(JSON.stringify(strict)) as Record<string, unknown> },
    },
  };
}

/** Validates, or throws one `invalid` that names the path, what is wrong there and the near keys. @param where what is validated, e.g. `service "ebs"` */
export function parse<T>(s: Schema<T>, value: unknown, where: string): T {
  const r = s['~standard'].validate(value);
  if (r.issues === undefined) return r.value;
  const root = s['~standard'].jsonSchema.input() as Node;
  // A mistyped key usually makes a required one missing: the typo is the better news.
  const first = r.issues.find((i) => i.message === UNKNOWN) ?? r.issues[0] ?? { message: 'is not valid', path: [] };
  const path = first.path ?? [];
  const name = path.join('.');
  const found = first.message === UNKNOWN || nodeAt(root, path)?.writeOnly === true ? undefined : scalarAt(value, path);
  const shown = found === undefined ? undefined : `Found ${JSON.stringify(found)}.`;
  const hint = first.message === UNKNOWN ? keysHint(root, path) : shown;
  throw new VolumeError('invalid', `${where}: ${name === '' ? 'the value' : `"${name}"`} ${first.message}.`, {
    details: { path: name, expected: first.message, ...(found !== undefined && { value: found }) },
    ...(hint !== undefined && { hint }),
  });
}

function keysHint(root: Node, path: readonly (string | number)[]): string {
  const known = Object.keys(nodeAt(root, path.slice(0, -1))?.properties ?? {});
  const near = nearest(String(path.at(-1)), known);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Known: ${known.join(', ') || 'none'}.`;
}

function scalarAt(value: unknown, path: readonly (string | number)[]): unknown {
  let v = value;
  for (const step of path)
    v = typeof v === 'object' && v !== null ? (v as Record<string | number, unknown>)[step] : undefined;
  return typeof v === 'object' || typeof v === 'function' ? undefined : v;
}

/** Names of the fields that hold secrets (`writeOnly`), as dotted paths; `*` stands for the members of a list or of a map. */
export function secretPaths(jsonSchema: Record<string, unknown>, prefix = ''): string[] {
  const node = jsonSchema as Node;
  const below = (n: Node, at: string): string[] => secretPaths(n as Record<string, unknown>, at);
  const members = [node.items, ...Object.values(node.patternProperties ?? {}), node.additionalProperties];
  return [
    ...Object.entries(node.properties ?? {}).flatMap(([k, v]) => [
      ...(v.writeOnly === true ? [prefix + k] : []),
      ...below(v, `${prefix}${k}.`),
    ]),
    ...members.flatMap((m) => (typeof m === 'object' ? below(m, `${prefix}*.`) : [])),
    ...[...(node.anyOf ?? []), ...(node.allOf ?? [])].flatMap((m) => below(m, prefix)),
  ];
}
