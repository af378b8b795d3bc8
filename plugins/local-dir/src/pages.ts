import { bytes, type Page } from '@rexray/core';

/** A page of names after the cursor, each looked up; a name that vanished meanwhile is left out, and hides no other. */
export async function pageOf<T>(
  names: readonly string[],
  query: { readonly cursor?: string; readonly limit?: number },
  look: (name: string) => Promise<T | undefined>,
): Promise<Page<T>> {
  const limit = Math.max(1, query.limit ?? 500);
  const items: T[] = [];
  const rest = names.filter((n) => n > (query.cursor ?? ''));
  for (const [i, name] of rest.entries()) {
    const item = await look(name);
    if (item !== undefined) items.push(item);
    if (items.length === limit) return i + 1 < rest.length ? { items, next: name } : { items };
  }
  return { items };
}

/** Bytes of a file system; counts blocks, which may be more than fit a safe number on none that exists. */
export const space = (s: { bsize: number; blocks: number; bavail: number }) => ({
  totalBytes: bytes(s.blocks * s.bsize),
  freeBytes: bytes(Math.min(s.bavail, s.blocks) * s.bsize),
});
