/** JSON Schema as typebox writes it, as far as it is read here. */
export interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Node;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly allOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly writeOnly?: boolean;
}

/** Whether `value` fits a member of a union. */
export type Check = (node: Node, value: unknown) => boolean;

/**
 * The value as the schema means it: defaults filled in at every depth, absent and null (an empty key of YAML) alike;
 * text converted to what the schema says, since wires and the environment have nothing else. What does not convert
 * exactly stays as it is, to be refused: `1.5` does not become the integer 1, nor null the text "null".
 * typebox's own Default and Convert do those, and leave nested defaults out.
 */
export function fit(node: Node, value: unknown, check: Check): unknown {
  if (value === undefined || value === null) {
    if (node.default !== undefined) return structuredClone(node.default);
    return node.properties !== undefined && value === undefined ? fitObject(node, {}, check) : value;
  }
  if (node.anyOf !== undefined) return fitUnion(node.anyOf, value, check);
  if (node.allOf !== undefined) return node.allOf.reduce<unknown>((v, n) => fit(n, v, check), value);
  if (node.type === 'array') return fitArray(node.items ?? {}, value, check);
  if (isPlain(value)) return fitObject(node, value, check);
  return scalar(node, value);
}

function fitObject(node: Node, value: Readonly<Record<string, unknown>>, check: Check): unknown {
  const known = node.properties ?? {};
  const rest = Object.values(node.patternProperties ?? {})[0] ?? node.additionalProperties;
  const given = Object.entries(value).filter(([, v]) => v !== null && v !== undefined);
  const entries = given.map(([k, v]): [string, unknown] => {
    const sub = Object.hasOwn(known, k) ? known[k] : typeof rest === 'object' ? rest : undefined;
    return [k, sub === undefined ? v : fit(sub, v, check)];
  });
  const absent = Object.entries(known).filter(([k]) => !given.some(([g]) => g === k));
  for (const [k, sub] of absent) {
    if (sub.default === undefined && !(node.required ?? []).includes(k)) continue;
    const filled = fit(sub, undefined, check);
    if (filled !== undefined) entries.push([k, filled]);
  }
  return Object.fromEntries(entries);
}

/** One text may stand for a list of words: `a,b` or `a b`, as the environment has them. */
function fitArray(items: Node, value: unknown, check: Check): unknown {
  const list =
    typeof value === 'string' && items.properties === undefined ? value.split(/[,\s]+/).filter((w) => w !== '') : value;
  return Array.isArray(list) ? list.map((v: unknown) => fit(items, v, check)) : list;
}

function fitUnion(members: readonly Node[], value: unknown, check: Check): unknown {
  if (members.some((m) => check(m, value))) return value;
  for (const m of members) {
    const fitted = fit(m, value, check);
    if (check(m, fitted)) return fitted;
  }
  return value;
}

function scalar(node: Node, value: unknown): unknown {
  const wanted = node.const !== undefined ? typeof node.const : node.type;
  if (typeof value === 'string') {
    const word = value.trim();
    if (wanted === 'number' || wanted === 'integer')
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : value;
    if (wanted === 'boolean')
      return /^(1|t|true|yes|on)$/i.test(word) ? true : /^(0|f|false|no|off)$/i.test(word) ? false : value;
  }
  if (wanted === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  return value;
}

/** Anything else (a function, a credentials object given by value) is passed on as it is. */
function isPlain(x: unknown): x is Readonly<Record<string, unknown>> {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false;
  const proto: unknown = Object.getPrototypeOf(x);
  return proto === Object.prototype || proto === null;
}
