import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadPage, type RawEntry, readMeta, readPages } from './pages.ts';
import { crcOf, decode, EMPTY, include, isEntry, LAYOUT, LAYOUT_KEY, SUM_KEY, type Sum } from './value.ts';

export type Finding =
  | { readonly is: 'sound'; readonly entries: number }
  | { readonly is: 'absent' }
  | { readonly is: 'damaged'; readonly found: string }
  /** Sound, but not ours to read: another layout, or no state of ours at all. */
  | { readonly is: 'unknown'; readonly layout: unknown };

/** Times that a file which changes under us is read again. Only live writers change it, and they prove it usable. */
const ATTEMPTS = 20;

/**
 * Verifies the file of a state before lmdb maps it: its pages, each entry, and that none is missing. Reads only.
 * Other processes may write meanwhile; then a torn reading is repeated until two readings of one snapshot agree.
 */
export async function inspect(dataFile: string): Promise<Finding> {
  let last = '';
  for (let i = 0; i < ATTEMPTS; i++) {
    const file = read(dataFile);
    if (file === undefined) return { is: 'absent' };
    try {
      return entriesOf(readPages(file).entries);
    } catch (e) {
      // Offsets are checked before use; RangeError is the backstop should one have been forgotten.
      if (!(e instanceof BadPage || e instanceof RangeError)) throw e;
      const seen = `${snapshotOf(file)}: ${e.message}`;
      if (seen === last) return { is: 'damaged', found: e.message };
      last = seen;
      await sleep(2);
    }
  }
  return { is: 'sound', entries: -1 };
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw e;
  }
}

function snapshotOf(file: Buffer): string {
  try {
    return `transaction ${readMeta(file).txnid}`;
  } catch {
    return 'no transaction';
  }
}

function entriesOf(raw: readonly RawEntry[]): Finding {
  let sum: Sum = EMPTY;
  let bad: string | undefined;
  const special = new Map<string, unknown>();
  for (const { key, value } of raw) {
    const stored = key.toString('utf8');
    const text = decode(stored, value);
    if (text === undefined) bad ??= stored;
    else if (isEntry(stored)) sum = include(sum, crcOf(value));
    else special.set(stored, JSON.parse(text));
  }
  const layout = special.get(LAYOUT_KEY);
  // Nothing in it has our checksum: somebody else's file. An empty tree is not: ours never is.
  const foreign = raw.length > 0 && special.size === 0 && sum.n === 0;
  if (foreign || (layout !== undefined && layout !== LAYOUT)) return { is: 'unknown', layout };
  if (bad !== undefined) throw new BadPage(`the checksum of ${JSON.stringify(bad)} does not fit`);
  const written = special.get(SUM_KEY) as Sum | undefined;
  if (layout === undefined || written?.n !== sum.n || written.x !== sum.x) {
    throw new BadPage(`${sum.n} entries, ${written?.n ?? 'an unknown number'} were written, or their checksums differ`);
  }
  return { is: 'sound', entries: sum.n };
}
