/**
 * The configuration as one tree with case-insensitive keys, in which every value knows where it was written.
 * Sources (files, values, overrides) are read into trees, and trees are merged; nothing is converted before a key is read.
 */
import type { Place } from './invalid.ts';
import { invalid } from './invalid.ts';

export interface Leaf {
  /** Text as it was written (YAML, environment); already a value from JSON and code. Lists stay lists. */
  readonly value: unknown;
  readonly place: Place;
}
export interface Node {
  /** The key as it was written. */
  readonly name: string;
  readonly leaf?: Leaf;
  /** By lower-case key. */
  readonly children: ReadonlyMap<string, Node>;
}
export type KeyPath = readonly string[];

const EMPTY: ReadonlyMap<string, Node> = new Map();
export const emptyTree: Node = { name: '', children: EMPTY };
export const pathOf = (key: string): string[] => (key === '' ? [] : key.toLowerCase().split('.'));

/** Sections whose children are named by the operator: a dot in such a name is part of it, not a separator. */
const NAMED = new Set(['services', 'modules', 'endpoints']);
/** A key with dots in it is the same as nested keys. */
export const splitKey = (parent: string | undefined, key: string): string[] =>
  parent !== undefined && NAMED.has(parent.toLowerCase()) ? [key] : key.split('.').filter((p) => p !== '');

export function at(tree: Node, path: KeyPath): Node | undefined {
  let node: Node | undefined = tree;
  for (const part of path) node = node?.children.get(part.toLowerCase());
  return node;
}

/** Null is "no value": `services:\n  ebs:` is a service without settings, `size:` is unset. */
export const isSet = (node: Node | undefined): node is Node & { readonly leaf: Leaf } =>
  node?.leaf !== undefined && node.leaf.value !== null && node.leaf.value !== undefined;

/** `over` wins, value by value; a value replaces a section of the same name and the other way round. */
export function merge(below: Node, over: Node): Node {
  if (over.children.size === 0)
    return over.leaf === undefined || over.leaf.value === null ? keepFilled(below, over) : over;
  const children = new Map(below.children);
  for (const [key, node] of over.children) {
    const old = children.get(key);
    children.set(key, old === undefined ? node : merge(old, node));
  }
  return { name: over.name, children };
}
/** An empty section in the file above does not wipe the one below. */
const keepFilled = (below: Node, over: Node): Node =>
  below.children.size > 0 || below.leaf !== undefined ? below : over;

/** Sets one value; missing sections are made. */
export function set(tree: Node, path: KeyPath, leaf: Leaf): Node {
  const [head, ...rest] = path;
  if (head === undefined) return { name: tree.name, leaf, children: EMPTY };
  const child = tree.children.get(head.toLowerCase()) ?? { name: head, children: EMPTY };
  return { name: tree.name, children: new Map(tree.children).set(head.toLowerCase(), set(child, rest, leaf)) };
}

/**
 * Adds what one source says a second time: two spellings of one key are one key, sections are joined.
 * @throws `invalid` when both give a value and the values differ: neither reading would be safe.
 */
export function join(a: Node, b: Node, path: KeyPath = []): Node {
  if (isSet(a) && isSet(b) && JSON.stringify(a.leaf.value) !== JSON.stringify(b.leaf.value)) {
    throw invalid({
      key: path.join('.'),
      expected: 'one value',
      why: `is given twice with different values (${a.leaf.place.where} as "${a.name}", ${b.leaf.place.where} as "${b.name}")`,
      hint: 'Keys are case-insensitive: keep one of the two.',
    });
  }
  if (b.children.size === 0) return isSet(b) ? b : a;
  const children = new Map(a.children);
  for (const [key, node] of b.children) {
    const other = children.get(key);
    children.set(key, other === undefined ? node : join(other, node, [...path, node.name]));
  }
  return { name: a.name, children };
}

/** All values with their paths, in the order they were written. */
export function* leaves(node: Node, path: readonly string[] = []): Generator<{ path: readonly string[]; leaf: Leaf }> {
  if (node.leaf !== undefined) yield { path, leaf: node.leaf };
  for (const child of node.children.values()) yield* leaves(child, [...path, child.name]);
}

const isPlain = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' &&
  x !== null &&
  !Array.isArray(x) &&
  [Object.prototype, null].includes(Object.getPrototypeOf(x));

/** A tree of plain data (JSON, a configuration written in code, overrides by flat key). */
export function treeOf(data: unknown, place: Place, name = ''): Node {
  if (!isPlain(data))
    return data === undefined ? { name, children: EMPTY } : { name, leaf: { value: data, place }, children: EMPTY };
  const built = Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => wrap(splitKey(name, key), key, (last) => treeOf(value, place, last)));
  if (built.length === 0) return { name, leaf: { value: null, place }, children: EMPTY };
  return built.reduce((all, one) => join(all, under(name, one)), { name, children: EMPTY });
}

/** `a.b: x` is `a: { b: x }`; `make` makes the innermost node. */
export function wrap(parts: readonly string[], key: string, make: (name: string) => Node): Node {
  let node = make(parts.at(-1) ?? key);
  for (const part of parts.slice(0, -1).reverse()) node = under(part, node);
  return node;
}
/** A section with one entry. */
export const under = (name: string, child: Node): Node => ({
  name,
  children: new Map([[child.name.toLowerCase(), child]]),
});

/** A node as plain data with keys as written, for settings that have no schema. */
export function plain(node: Node): unknown {
  if (node.children.size === 0) return node.leaf?.value ?? null;
  return Object.fromEntries([...node.children.values()].map((c) => [c.name, plain(c)]));
}
