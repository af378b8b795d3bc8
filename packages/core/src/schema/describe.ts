import type { Node } from './fit.ts';

/** What went wrong with one value, before it is told. */
export interface Fault {
  readonly keyword?: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params?: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
  };
}
export interface Issue {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

export const UNKNOWN = 'is not known here';

/** Each fault once, in words, at the place of the key that is to be changed. */
export function issuesOf(root: Node, faults: readonly Fault[]): Issue[] {
  const seen = new Set<string>();
  return faults
    .flatMap((f) => issues(root, f))
    .filter((i) => {
      const key = (i.path ?? []).join('\0');
      return !seen.has(key) && seen.add(key);
    });
}

function issues(root: Node, f: Fault): Issue[] {
  const at = f.instancePath
    .split('/')
    .slice(1)
    .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra = f.params?.additionalProperties;
  if (extra !== undefined) return extra.map((key) => ({ message: UNKNOWN, path: [...at, key] }));
  // The schema of an unknown key is `false`. typebox stops after a few faults, so this one may be all there is.
  if (f.keyword === 'boolean') return [{ message: UNKNOWN, path: at }];
  const lacking = f.params?.requiredProperties;
  if (lacking !== undefined) return lacking.map((key) => ({ message: 'is required', path: [...at, key] }));
  const choices = choicesOf(nodeAt(root, at));
  return [{ message: choices === undefined ? f.message : `must be one of ${choices.join(', ')}`, path: at }];
}

const choicesOf = (n: Node | undefined): readonly string[] | undefined => {
  const all = n?.enum ?? (n?.anyOf?.every((m) => m.const !== undefined) ? n.anyOf.map((m) => m.const) : undefined);
  return all?.map(String);
};

/** The part of the schema that a path leads to. */
export function nodeAt(root: Node, path: readonly (string | number)[]): Node | undefined {
  let node: Node | undefined = root;
  for (const step of path) {
    if (node === undefined) return undefined;
    node =
      node.properties && Object.hasOwn(node.properties, step) ? node.properties[step] : (node.items ?? restOf(node));
  }
  return node;
}

const restOf = (n: Node): Node | undefined => {
  const rest = Object.values(n.patternProperties ?? {})[0] ?? n.additionalProperties;
  return typeof rest === 'object' ? rest : undefined;
};

/**
 * The same schema, refusing keys that it does not name: typebox lets them pass, and a mistyped key would have no effect.
 * Objects that say `additionalProperties` themselves, and the parts of an intersection, stay as they are.
 */
export function closed<T extends object>(type: T): T {
  const node = type as Node;
  const copy = Object.create(Object.getPrototypeOf(type) as object, Object.getOwnPropertyDescriptors(type)) as Record<
    string,
    unknown
  >;
  const each = (o: Readonly<Record<string, Node>>): Record<string, Node> =>
    Object.fromEntries(Object.entries(o).map(([k, v]) => [k, closed(v)]));
  const set = (key: string, value: unknown): void => void Object.defineProperty(copy, key, { value, enumerable: true });
  if (node.properties !== undefined) {
    set('properties', each(node.properties));
    if (node.additionalProperties === undefined) set('additionalProperties', false);
  }
  if (node.items !== undefined) set('items', closed(node.items));
  if (node.anyOf !== undefined) set('anyOf', node.anyOf.map(closed));
  if (node.patternProperties !== undefined) set('patternProperties', each(node.patternProperties));
  return copy as T;
}
