/** YAML to a tree, with the line of every value. Scalars stay the text that was written: `0700`, `yes` and `12:30` mean what the key's type says. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type YAMLMap,
  type Node as YamlNode,
} from 'yaml';
import { excerpt } from './excerpt.ts';
import { invalid, type Place } from './invalid.ts';
import { emptyTree, join, merge, type Node, splitKey, under, wrap } from './tree.ts';

const MAX_NODES = 50_000;

class Reader {
  readonly #doc: Document;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #open = new Set<YamlNode>();
  #nodes = 0;

  constructor(doc: Document, lines: LineCounter, file: string) {
    this.#doc = doc;
    this.#lines = lines;
    this.#file = file;
  }

  place(node: YamlNode | null | undefined): Place {
    const line = node?.range ? this.#lines.linePos(node.range[0]).line : 1;
    return { file: this.#file, line, where: `${this.#file}:${line}` };
  }

  map(map: YAMLMap, name: string): Node {
    return this.#guarded(map, () => {
      let all: Node = { name, children: new Map() };
      let defaults = all;
      for (const { key, value } of map.items) {
        if (!isScalar(key)) throw this.#wrong(key as YamlNode, 'a key that is a word');
        const text = key.source ?? String(key.value);
        const node = value as YamlNode | null;
        if (text === '<<') defaults = merge(defaults, this.#merged(node, name));
        else all = join(all, this.#entry(name, text, node, this.place(key)), [name].filter(Boolean));
      }
      all = merge(defaults, all);
      return all.children.size > 0 ? all : { name, leaf: { value: null, place: this.place(map) }, children: new Map() };
    });
  }

  #entry(parent: string, key: string, value: YamlNode | null, place: Place): Node {
    const parts = splitKey(parent, key);
    return under(
      parent,
      wrap(parts, key, (last) => this.#value(value, last, place)),
    );
  }

  #value(node: YamlNode | null, name: string, place: Place): Node {
    if (isAlias(node)) return this.#value(this.#target(node), name, place);
    if (isMap(node)) return this.map(node, name);
    return { name, leaf: { value: this.#scalarOrList(node), place }, children: new Map() };
  }

  #scalarOrList(node: YamlNode | null): unknown {
    this.#count();
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#scalarOrList(this.#target(node));
    if (isSeq(node)) return this.#guarded(node, () => node.items.map((i) => this.#scalarOrList(i as YamlNode | null)));
    if (isScalar(node)) return node.value === null ? null : (node.source ?? String(node.value));
    throw this.#wrong(node, 'a list of words');
  }

  /** `<<: *defaults`; REX-Ray's parser joined such maps, and what is written beside them wins. */
  #merged(node: YamlNode | null, name: string): Node {
    const source = isAlias(node) ? this.#target(node) : node;
    if (!isMap(source)) throw this.#wrong(source, 'a section to join');
    return this.map(source, name);
  }

  #target(alias: Alias): YamlNode {
    const target = alias.resolve(this.#doc);
    if (target === undefined) throw this.#wrong(alias, 'an alias of an anchor above it');
    return target as YamlNode;
  }

  #guarded<T>(node: YamlNode, body: () => T): T {
    this.#count();
    if (this.#open.has(node)) throw this.#wrong(node, 'a section that does not contain itself');
    this.#open.add(node);
    try {
      return body();
    } finally {
      this.#open.delete(node);
    }
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES)
      throw invalid({
        key: this.#file,
        expected: `a file of at most ${MAX_NODES} values`,
        why: 'grows without bound through its aliases',
      });
  }

  #wrong(node: YamlNode | null | undefined, expected: string): Error {
    return invalid({ key: this.#file, expected, place: this.place(node) });
  }
}

/**
 * Reads an operator file.
 * @throws VolumeError `invalid` with the line, what is wrong and the lines around it; values of secret keys are hidden
 */
export function parseYaml(text: string, file: string): Node {
  const lines = new LineCounter();
  const doc = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.1',
    merge: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  const error = doc.errors[0];
  if (error !== undefined) {
    const line = lines.linePos(Math.min(error.pos[0], Math.max(0, text.length - 1))).line || 1;
    throw syntaxError(file, text, line, explain(error.code, error.message));
  }
  if (doc.contents === null) return emptyTree;
  const reader = new Reader(doc, lines, file);
  if (isMap(doc.contents)) return reader.map(doc.contents, '');
  throw syntaxError(
    file,
    text,
    reader.place(doc.contents).line ?? 1,
    'the file must hold keys and values (`libstorage:` …)',
  );
}

function syntaxError(file: string, text: string, line: number, why: string): Error {
  return invalid({
    key: file,
    expected: 'valid YAML',
    why: `is not valid YAML at line ${line}: ${why}\n${excerpt(text, line)}\n`,
    place: { file, line, where: `${file}:${line}` },
    hint: 'Correct that line; indent with spaces only.',
  });
}

/** The parser's words, but for those that quote the text: it may be a password. */
const explain = (code: string, message: string): string =>
  code === 'BAD_ALIAS' ? 'an alias (`*name`) without its anchor' : (message.split(/[:;]/)[0] ?? message).slice(0, 120);
