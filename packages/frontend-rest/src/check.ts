import { VolumeError } from '@rexray/core';
import { nearest, Value } from '@rexray/core/schema';
import type { TObject } from 'typebox';

interface Fault {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
    readonly allowedValue?: unknown;
  };
}

/**
 * Fields that fit a schema exactly: nothing is converted, nothing unknown is dropped.
 * @param where what is checked, for the message: `body`, `query`
 * @throws VolumeError `invalid` that names the field, what is expected there, and near names
 */
export function check(schema: TObject, value: unknown, where: string): Record<string, unknown> {
  if (Value.Check(schema, value)) return value as Record<string, unknown>;
  const faults = Value.Errors(schema, value) as unknown as Fault[];
  // Where a key is unknown, that is the news; what else does not fit follows from it (a union names every branch).
  const fault = faults.find((f) => f.keyword === 'additionalProperties') ?? faults.find((f) => f.keyword !== 'boolean');
  if (fault === undefined) throw refused(where, '', 'does not fit');
  const at = path(fault.instancePath);
  const extra = fault.params.additionalProperties?.[0];
  if (extra !== undefined) throw unknownField(schema, where, at, extra);
  const lacking = fault.params.requiredProperties?.[0];
  if (lacking !== undefined) throw refused(where, [...at, lacking].join('.'), 'is required');
  throw refused(where, at.join('.'), expectation(fault, faults));
}

const path = (instancePath: string): string[] =>
  instancePath
    .split('/')
    .filter((p) => p !== '')
    .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));

const shown = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);

function refused(where: string, at: string, why: string): VolumeError<'invalid'> {
  return new VolumeError('invalid', `${where}: ${at === '' ? 'it' : shown(at)} ${why}.`, {
    details: { path: at.slice(0, 200), expected: why },
  });
}

function unknownField(schema: TObject, where: string, at: readonly string[], extra: string): VolumeError<'invalid'> {
  const known = at.length === 0 ? Object.keys(schema.properties) : [];
  const near = nearest(extra.slice(0, 64), known);
  return new VolumeError('invalid', `${where}: ${shown([...at, extra].join('.'))} is not known here.`, {
    details: { path: [...at, extra].join('.').slice(0, 200), expected: 'is not known here' },
    ...(near.length > 0
      ? { hint: `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` }
      : known.length > 0 && { hint: `Known: ${known.join(', ')}.` }),
  });
}

/** A union says one sentence for all its branches. */
function expectation(fault: Fault, faults: readonly Fault[]): string {
  const union = faults.find((f) => f.keyword === 'anyOf' && f.instancePath === fault.instancePath);
  const branches =
    union === undefined ? [fault] : faults.filter((f) => f.schemaPath.startsWith(`${union.schemaPath}/anyOf`));
  const words = branches.map((f) => {
    const values = f.params.allowedValues ?? (f.keyword === 'const' ? [f.params.allowedValue] : undefined);
    return values === undefined
      ? f.message.replace(/^must be /, '')
      : values.map((v) => JSON.stringify(v)).join(' or ');
  });
  const said = [...new Set(words)].join(' or ');
  return said.startsWith('must ') ? said : `must be ${said}`;
}

/** Deepest nesting of a body: whatever walks it later may do so by recursion. */
const DEPTH_MAX = 32;

/** @throws VolumeError `invalid` for a body that is nested deeper than any that has a meaning */
export function checkDepth(body: unknown): void {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) throw refused('body', '', `must not be nested deeper than ${DEPTH_MAX}`);
    level = level.flatMap((x) => (typeof x === 'object' && x !== null ? Object.values(x) : []));
  }
}

type Raw = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A query's texts as the types of its schema; what does not convert stays a text and is refused by {@link check}. */
export function fromQuery(schema: TObject, raw: Raw): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    const type = (schema.properties[name] as { type?: string } | undefined)?.type;
    Object.defineProperty(out, name, { value: converted(type, value), enumerable: true, configurable: true });
  }
  return out;
}

function converted(type: string | undefined, value: Raw[string]): unknown {
  if (type === 'array') return typeof value === 'string' ? [value] : value;
  if (typeof value !== 'string') return value;
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  if (type === 'integer' && /^\d{1,15}$/.test(value)) return Number(value);
  return value;
}
