/** Schemas of configuration and per-volume options: typebox inside, Standard Schema plus JSON Schema outside. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { VolumeError } from './errors.ts';
import { nearest } from './nearest.ts';

export { nearest } from './nearest.ts';
export { type Static, type TSchema, Type };

export interface Issue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

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

/** Wraps a typebox schema. Strings are converted to the schema's types (wires and environment are strings); unknown keys are issues. */
export function schema<S extends TSchema>(type: S): Schema<Static<S>> {
  return {
    '~standard': {
      version: 1,
      vendor: 'rexray',
      validate(value) {
        const converted = Value.Convert(type, Value.Default(type, structuredClone(value ?? {})));
        if (Value.Check(type, converted)) return { value: converted as Static<S> };
        const issues = [...Value.Errors(type, converted)].flatMap((e) => issuesOf(e as unknown as TypeboxError));
        // An unknown key is reported twice, first as a value that the schema `false` refuses.
        const said = issues.filter((i) => i.message !== 'schema is false');
        return { issues: said.length > 0 ? said : issues };
      },
      jsonSchema: { input: () => JSON.parse(JSON.stringify(type)) as Record<string, unknown> },
    },
  };
}

interface TypeboxError {
  readonly instancePath: string;
  readonly message: string;
  readonly params?: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
  };
}

function issuesOf(e: TypeboxError): Issue[] {
  const at = e.instancePath.split('/').filter((p) => p !== '');
  const extra = e.params?.additionalProperties;
  if (extra !== undefined) return extra.map((key) => ({ message: 'is not known here', path: [...at, key] }));
  const lacking = e.params?.requiredProperties;
  if (lacking !== undefined) return lacking.map((key) => ({ message: 'is required', path: [...at, key] }));
  return [{ message: e.message, path: at }];
}

/** Validates, or throws one `invalid` that names the path, the value's place and the near keys. @param where what is validated, e.g. `service "ebs"` */
export function parse<T>(s: Schema<T>, value: unknown, where: string): T {
  const r = s['~standard'].validate(value);
  if (r.issues === undefined) return r.value;
  const known = Object.keys((s['~standard'].jsonSchema.input().properties as object | undefined) ?? {});
  const first = r.issues[0] ?? { message: 'is not valid', path: [] };
  const path = (first.path ?? []).join('.');
  const near = nearest(String(first.path?.at(-1) ?? ''), known);
  const hint =
    first.message === 'is not known here'
      ? near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : `Known: ${known.join(', ') || 'none'}.`
      : undefined;
  throw new VolumeError('invalid', `${where}: ${path === '' ? 'the value' : `"${path}"`} ${first.message}.`, {
    details: { path, expected: first.message },
    ...(hint !== undefined && { hint }),
  });
}

/** Names of the fields that hold secrets (`writeOnly`), as dotted paths. */
export function secretPaths(jsonSchema: Record<string, unknown>, prefix = ''): string[] {
  const props = (jsonSchema.properties ?? {}) as Record<string, Record<string, unknown>>;
  return Object.entries(props).flatMap(([k, v]) => [
    ...(v.writeOnly === true ? [prefix + k] : []),
    ...secretPaths(v, `${prefix}${k}.`),
  ]);
}
