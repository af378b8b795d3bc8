import { type Page, VolumeError } from '@rexray/core';

/** Where a listing stands: which of its queries, EC2's token of the page, and the last id of it that was answered. */
export interface Cursor {
  readonly source: number;
  readonly token?: string;
  readonly after?: string;
}

const encode = (c: Cursor): string => Buffer.from(JSON.stringify(c)).toString('base64url');

/** @throws VolumeError `invalid` for what no listing gave */
export function decodeCursor(text: string | undefined): Cursor {
  if (text === undefined) return { source: 0 };
  try {
    const c = JSON.parse(Buffer.from(text, 'base64url').toString()) as Cursor;
    if (Number.isInteger(c.source)) return c;
  } catch {
    // told below
  }
  throw new VolumeError('invalid', 'The cursor is not of this listing.', { details: { path: 'cursor', value: text } });
}

/**
 * One page of at most `limit` from several queries, one after the other. EC2 pages are at least 5 long and in no documented
 * order: each is sorted by id, and the cursor remembers how far of it was answered, so that a removed volume hides no other.
 */
export async function nextPage<E, T>(o: {
  readonly limit: number;
  readonly cursor: Cursor;
  readonly sources: number;
  readonly ask: (
    source: number,
    token: string | undefined,
  ) => Promise<{ items: readonly E[]; token: string | undefined }>;
  readonly key: (e: E) => string;
  readonly show: (e: E) => T;
}): Promise<Page<T>> {
  let at: Cursor | undefined = o.cursor;
  while (at !== undefined && at.source < o.sources) {
    const { source, token, after = '' }: Cursor = at;
    const page = await o.ask(source, token);
    const sorted = [...page.items].sort((a, b) => (o.key(a) < o.key(b) ? -1 : 1)).filter((e) => o.key(e) > after);
    const items = sorted.slice(0, o.limit);
    const last = items.at(-1);
    const following: Cursor = page.token === undefined ? { source: source + 1 } : { source, token: page.token };
    const next: Cursor =
      items.length < sorted.length && last !== undefined
        ? { source, ...(token !== undefined && { token }), after: o.key(last) }
        : following;
    if (items.length > 0) {
      return { items: items.map(o.show), ...(next.source < o.sources && { next: encode(next) }) };
    }
    at = following;
  }
  return { items: [] };
}
