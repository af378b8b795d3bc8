/**
 * A reader of lmdb's page format that trusts nothing. lmdb itself follows page numbers and offsets unchecked through a
 * memory map: a damaged file can kill the process, send later writes over live pages, or look empty. So every file is
 * walked here before lmdb opens it: both trees, every node, and every page accounted for at most once.
 * Format: data version 2 (lmdb 3), 64-bit little-endian, as on x86-64 and arm64.
 */

const HEADER = 24;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const META = 8;
const BIGDATA = 1;
/** Flags of the free list's tree; the data's has none. */
const INTEGER_KEY = 8;
const META_BYTES = 144;

export interface RawEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}
export interface Meta {
  readonly page: 0 | 1;
  readonly txnid: number;
  readonly pageSize: number;
  readonly lastPage: number;
  readonly free: Tree;
  readonly main: Tree;
}
interface Tree {
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  /** Page number; undefined = empty. */
  readonly root: number | undefined;
}
export interface Pages {
  readonly meta: Meta;
  readonly entries: readonly RawEntry[];
  /** Pages that neither a tree nor the free list has: wasted, harmless. */
  readonly lost: number;
}

/** Says what does not fit, and where. */
export class BadPage extends Error {}

const bad = (what: string): never => {
  throw new BadPage(what);
};

/** The newest snapshot of the file. @throws BadPage */
export function readPages(file: Buffer): Pages {
  const meta = readMeta(file);
  const walk = new Walk(file, meta);
  const entries = walk.tree(meta.main, 'data', compareBytes);
  for (const { key, value } of walk.tree(meta.free, 'free list', compareNumbers)) walk.freed(key, value);
  return { meta, entries, lost: walk.lost() };
}

/** Transaction N writes meta page N % 2, so the two differ by one: a flipped bit in either is seen. @throws BadPage */
export function readMeta(file: Buffer): Meta {
  const first = metaAt(file, 0, 0);
  const second = metaAt(file, first.pageSize, 1);
  if (first.pageSize !== second.pageSize) bad('the meta pages disagree about the page size');
  const fresh = first.txnid === 0 && second.txnid === 0;
  for (const m of [first, second]) {
    if (m.txnid !== 0 && m.txnid % 2 !== m.page) bad(`meta page ${m.page} has the number ${m.txnid}`);
  }
  if (!fresh && Math.abs(first.txnid - second.txnid) !== 1) {
    bad(`the meta pages ${first.txnid} and ${second.txnid} do not follow each other`);
  }
  return second.txnid > first.txnid ? second : first;
}

function metaAt(file: Buffer, offset: number, page: 0 | 1): Meta {
  if (offset + HEADER + META_BYTES > file.length) bad(`the file ends before meta page ${page}`);
  if (file.readUInt16LE(offset + 18) !== META || u64(file, offset) !== page) bad(`page ${page} is not a meta page`);
  const at = offset + HEADER;
  if (file.readUInt32LE(at) !== MAGIC) bad(`meta page ${page} lacks the magic number`);
  if (file.readUInt32LE(at + 4) !== VERSION) bad(`meta page ${page} has format ${file.readUInt32LE(at + 4)}`);
  const pageSize = file.readUInt32LE(at + 24);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) bad(`page size ${pageSize}`);
  const mapSize = u64(file, at + 16);
  const lastPage = u64(file, at + 120);
  if (lastPage < 1 || (lastPage + 1) * pageSize > mapSize || mapSize > 2 ** 40) {
    bad(`meta page ${page} claims ${lastPage + 1} pages in a map of ${mapSize} bytes`);
  }
  return {
    page,
    txnid: u64(file, at + 128),
    pageSize,
    lastPage,
    free: treeAt(file, at + 24, INTEGER_KEY),
    main: treeAt(file, at + 72, 0),
  };
}

function treeAt(file: Buffer, at: number, flags: number): Tree {
  const empty = file.readBigUInt64LE(at + 40) === 0xffffffffffffffffn;
  if (file.readUInt16LE(at + 4) !== flags) bad(`a tree has the flags ${file.readUInt16LE(at + 4)}`);
  return {
    depth: file.readUInt16LE(at + 6),
    branches: u64(file, at + 8),
    leaves: u64(file, at + 16),
    overflows: u64(file, at + 24),
    entries: u64(file, at + 32),
    root: empty ? undefined : u64(file, at + 40),
  };
}

type Compare = (a: Buffer, b: Buffer) => number;
const compareBytes: Compare = (a, b) => Buffer.compare(a, b);
const compareNumbers: Compare = (a, b) => u64(a, 0) - u64(b, 0);

interface Count {
  branches: number;
  leaves: number;
  overflows: number;
}
interface Span {
  readonly name: string;
  readonly compare: Compare;
  readonly depth: number;
  readonly count: Count;
  readonly out: RawEntry[];
}

class Walk {
  readonly #file: Buffer;
  readonly #meta: Meta;
  readonly #seen: Uint8Array;

  constructor(file: Buffer, meta: Meta) {
    this.#file = file;
    this.#meta = meta;
    // A page that was freed before it was ever written may lie beyond the end of the file; trees may not.
    this.#seen = new Uint8Array(meta.lastPage + 1);
  }

  tree(t: Tree, name: string, compare: Compare): RawEntry[] {
    const out: RawEntry[] = [];
    const count: Count = { branches: 0, leaves: 0, overflows: 0 };
    if (t.root !== undefined)
      this.#page(t.root, 1, undefined, undefined, { name, compare, depth: t.depth, count, out });
    else if (t.depth !== 0) bad(`the ${name} tree has no root but depth ${t.depth}`);
    const same = (['branches', 'leaves', 'overflows'] as const).every((k) => count[k] === t[k]);
    if (!same || out.length !== t.entries) {
      bad(`the ${name} tree has ${out.length} entries, its meta page says ${t.entries} (or its page counts differ)`);
    }
    return out;
  }

  /** Marks the pages of one record of the free list: a count, then page numbers; a negative one is the length of a run. */
  freed(key: Buffer, value: Buffer): void {
    if (u64(key, 0) > this.#meta.txnid) bad('the free list is from the future');
    const count = value.length >= 8 ? u64(value, 0) : -1;
    if (count < 0 || (count + 1) * 8 > value.length) bad('a free list record has the wrong length');
    for (let i = 1; i <= count; i++) {
      const n = value.readBigInt64LE(i * 8);
      if (n === 0n) continue;
      if (n > 0n) this.#claim(Number(n), 1);
      else if (i === count) bad('a free list record ends inside a run');
      else this.#claim(u64(value, ++i * 8), -Number(n));
    }
  }

  lost(): number {
    let n = 0;
    for (let i = 2; i < this.#seen.length; i++) if (this.#seen[i] === 0) n++;
    return n;
  }

  /** Each page has one owner: two trees on one page, or a live page in the free list, would overwrite each other. */
  #claim(first: number, pages: number): void {
    if (first < 2 || pages < 1 || first + pages - 1 > this.#meta.lastPage)
      bad(`page ${first} (+${pages}) is out of range`);
    for (let n = first; n < first + pages; n++) {
      if (this.#seen[n] === 1) bad(`page ${n} is used twice`);
      this.#seen[n] = 1;
    }
  }

  #page(n: number, depth: number, from: Buffer | undefined, until: Buffer | undefined, s: Span): void {
    this.#claim(n, 1);
    const p = this.#bytes(n, 1);
    const flags = p.readUInt16LE(18);
    if (flags !== (depth === s.depth ? LEAF : BRANCH)) bad(`page ${n} has type ${flags} at depth ${depth}`);
    s.count[flags === LEAF ? 'leaves' : 'branches']++;
    const nodes = this.#nodes(p, n);
    let last = from;
    for (const [i, at] of nodes.entries()) {
      const key = p.subarray(at + 8, at + 8 + p.readUInt16LE(at + 6));
      if (s.name !== 'data' && flags === LEAF && key.length !== 8) bad(`page ${n} has a key of ${key.length} bytes`);
      // The first key of a branch page stands for "everything below": it is not compared.
      const bound = flags === BRANCH && i === 0 ? from : key;
      if (bound !== undefined && bound !== from) {
        const order = last === undefined ? 1 : s.compare(bound, last);
        if (order < 0 || (order === 0 && i > (flags === BRANCH ? 1 : 0)) || (until && s.compare(bound, until) >= 0)) {
          bad(`page ${n} has its keys out of order`);
        }
        last = bound;
      }
      if (flags === LEAF) s.out.push({ key, value: this.#value(p, at, key.length, s.count) });
      else {
        const next = nodes[i + 1];
        const end = next === undefined ? until : p.subarray(next + 8, next + 8 + p.readUInt16LE(next + 6));
        this.#page(childAt(p, at), depth + 1, bound, end, s);
      }
    }
  }

  /** Offsets of the nodes; together they must fill the used part of the page exactly. */
  #nodes(p: Buffer, n: number): number[] {
    const size = this.#meta.pageSize - HEADER;
    const lower = p.readUInt16LE(20);
    const upper = p.readUInt16LE(22);
    if (lower % 2 !== 0 || lower === 0 || lower > upper || upper > size) bad(`page ${n} has bounds ${lower}, ${upper}`);
    const isLeaf = p.readUInt16LE(18) === LEAF;
    const nodes: number[] = [];
    let used = 0;
    for (let i = 0; i < lower; i += 2) {
      const at = p.readUInt16LE(HEADER + i) + HEADER;
      if (at < upper + HEADER || at + 8 > p.length) bad(`page ${n} has a node outside of it`);
      const flags = p.readUInt16LE(at + 4);
      if (isLeaf && flags > BIGDATA) bad(`page ${n} has a node of kind ${flags}`);
      const data = !isLeaf ? 0 : flags === BIGDATA ? 24 : p.readUInt32LE(at);
      const length = 8 + p.readUInt16LE(at + 6) + data;
      if (at + length > p.length) bad(`page ${n} has a node of ${length} bytes`);
      used += length + (length % 2);
      nodes.push(at);
    }
    if (used !== size - upper) bad(`page ${n} uses ${used} bytes and claims ${size - upper}`);
    return nodes;
  }

  #value(p: Buffer, at: number, keyLength: number, count: Count): Buffer {
    const length = p.readUInt32LE(at);
    const start = at + 8 + keyLength;
    if (p.readUInt16LE(at + 4) !== BIGDATA) return p.subarray(start, start + length);
    const first = u64(p, start);
    const pages = u64(p, start + 16);
    if (pages !== Math.floor((HEADER - 1 + length) / this.#meta.pageSize) + 1)
      bad(`a value at page ${first} has ${pages} pages`);
    this.#claim(first, pages);
    const body = this.#bytes(first, pages);
    if (body.readUInt16LE(18) !== OVERFLOW || body.readUInt32LE(20) !== pages)
      bad(`page ${first} does not hold a long value`);
    count.overflows += pages;
    return body.subarray(HEADER, HEADER + length);
  }

  /** A page of a tree: in the file, with its own number, not newer than the snapshot. */
  #bytes(n: number, pages: number): Buffer {
    const { pageSize, txnid } = this.#meta;
    if ((n + pages) * pageSize > this.#file.length) bad(`the file ends before page ${n}`);
    const p = this.#file.subarray(n * pageSize, (n + pages) * pageSize);
    if (u64(p, 0) !== n || u64(p, 8) > txnid) bad(`page ${n} is not page ${n} of this snapshot`);
    return p;
  }
}

const childAt = (p: Buffer, at: number): number => p.readUInt32LE(at) + p.readUInt16LE(at + 4) * 2 ** 32;

/** Beyond 2^53 nothing is a page number or a count: Infinity fails every check. */
function u64(b: Buffer, at: number): number {
  const high = b.readUInt32LE(at + 4);
  return high >= 2 ** 21 ? Number.POSITIVE_INFINITY : high * 2 ** 32 + b.readUInt32LE(at);
}
