import type { Tag } from '@aws-sdk/client-ec2';
import { type InitialRecord, VolumeError, type VolumeRecord } from '@rexray/core';

/** Tags of ours. Everything else on a volume is its owner's and never touched. */
export const TAG = {
  name: 'Name',
  cluster: 'rexray:cluster',
  /** Which set of chunks is the record: `<counter>.<nonce>.<chunks>`. One tag, so that it changes at once or not at all. */
  revision: 'rexray:rev',
  /** `rexray:r:<revision>:<i>`: JSON in pieces. */
  chunk: 'rexray:r:',
  /** Id of the volume or snapshot that it was copied from. */
  from: 'rexray:from',
  /** Why it was taken from its last owner. */
  preempted: 'rexray:preempted',
  /** Name of the volume that a snapshot was taken of. */
  volume: 'rexray:volume',
  consistency: 'rexray:consistency',
  /** A snapshot in the middle of a clone: the clone's name. */
  temporary: 'rexray:temporary',
  /** Node and boot that made a temporary snapshot. */
  maker: 'rexray:maker',
} as const;

export type Tags = ReadonlyMap<string, string>;
export const tagsOf = (list: readonly Tag[] | undefined): Tags =>
  new Map((list ?? []).map((t) => [t.Key ?? '', t.Value ?? '']));
export const asList = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** A tag value has at most 256 characters; characters beyond ASCII are escaped, so that none is cut in two. */
const CHUNK = 250;
/** A resource has at most 50 tags, and while a record changes there are two of it. */
const MOST_CHUNKS = 18;

export interface Revision {
  readonly counter: number;
  readonly nonce: string;
  readonly chunks: number;
}
const REVISION = /^(\d{1,12})\.([a-z0-9]{1,20})\.(\d{1,2})$/;

export function parseRevision(text: string | undefined): Revision | undefined {
  const m = REVISION.exec(text ?? '');
  return m === null ? undefined : { counter: Number(m[1]), nonce: m[2] ?? '', chunks: Number(m[3]) };
}

const chunkKey = (revision: string, i: number): string => `${TAG.chunk}${revision}:${i}`;
const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A record as tags under a revision of its own. @throws VolumeError `invalid` when it is too large for tags */
export function recordTags(
  record: InitialRecord,
  next: { readonly counter: number; readonly nonce: string },
): { readonly revision: string; readonly chunks: Record<string, string> } {
  const { revision: _, ...plain } = record as VolumeRecord;
  const pieces = ascii(JSON.stringify(plain)).match(new RegExp(`.{1,${CHUNK}}`, 'gs')) ?? [];
  if (pieces.length > MOST_CHUNKS) {
    throw new VolumeError(
      'invalid',
      `The record has ${pieces.length * CHUNK} characters: too many for the tags of a volume.`,
      {
        details: { path: 'labels', expected: `at most ${MOST_CHUNKS * CHUNK} characters altogether` },
        hint: 'Use fewer or shorter labels.',
      },
    );
  }
  const revision = `${next.counter}.${next.nonce}.${pieces.length}`;
  return { revision, chunks: Object.fromEntries(pieces.map((p, i) => [chunkKey(revision, i), p])) };
}

/** Revisions whose chunks, or some of them, are among the tags: the record, what is announced, what was left. */
export function revisionsIn(tags: Tags): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const key of tags.keys()) {
    if (!key.startsWith(TAG.chunk)) continue;
    const revision = key.slice(TAG.chunk.length, key.lastIndexOf(':'));
    if (parseRevision(revision) !== undefined) found.set(revision, [...(found.get(revision) ?? []), key]);
  }
  return found;
}

/** The record that the tags hold; undefined when there is none, or it is not whole. */
export function readRecord(tags: Tags): VolumeRecord | undefined {
  const revision = tags.get(TAG.revision);
  const parsed = parseRevision(revision);
  if (parsed === undefined || revision === undefined) return undefined;
  const pieces = Array.from({ length: parsed.chunks }, (_, i) => tags.get(chunkKey(revision, i)));
  if (pieces.includes(undefined)) return undefined;
  try {
    const record = JSON.parse(pieces.join('')) as InitialRecord;
    if (typeof record.format?.state !== 'string') return undefined;
    return { ...record, revision };
  } catch {
    return undefined;
  }
}

/** `Name` tag and volume name: the prefix is written, searched and stripped (REX-Ray wrote it only). */
export class Names {
  readonly #prefix: string;
  constructor(tag: string) {
    this.#prefix = tag === '' ? '' : `${tag}/`;
  }
  get prefixed(): boolean {
    return this.#prefix !== '';
  }
  written(name: string): string {
    return this.#prefix + name;
  }
  /** Undefined when it is not one of ours. */
  read(tag: string | undefined): string | undefined {
    return tag?.startsWith(this.#prefix) && tag.length > this.#prefix.length
      ? tag.slice(this.#prefix.length)
      : undefined;
  }
  /** As a filter value: `*`, `?` and the escape itself mean themselves. */
  filter(name: string): string {
    return literally(this.written(name));
  }
  get filterAll(): string {
    return `${literally(this.#prefix)}*`;
  }
}
const literally = (s: string): string => s.replace(/[\\*?]/g, (c) => `\\${c}`);
