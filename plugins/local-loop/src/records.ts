import { type InitialRecord, nextRecord, type RecordPatch, VolumeError, type VolumeRecord } from '@rexray/core';
import type { Calls } from './calls.ts';
import { newIncarnation, readScan, recordFile, type Scan, superseded } from './layout.ts';
import type { Place } from './place.ts';

/** What a record file holds: the record, and what only this driver needs. */
export interface Stored {
  /** What the record's revision says: changes with every mark and takeover, not with what the driver alone keeps here. */
  readonly revision: number;
  readonly sizeBytes: number;
  readonly createdAt: string;
  /** What it was copied or adopted from: a repeated verb finds its own result. */
  readonly origin?: string;
  /** Which image counts: 0, or the epoch of the switch that made it (S10). */
  readonly image?: number;
  /** Tells this record from another of its number; `after` are those of the ones before it, newest first. */
  readonly nonce: string;
  readonly after?: readonly string[];
  readonly record: InitialRecord;
}
export interface Kept extends Omit<Stored, 'record'> {
  readonly record: VolumeRecord;
}

/** `mark` gives the record another revision; what the driver alone keeps changes without one. */
export interface Change {
  readonly mark?: { readonly patch: RecordPatch; readonly ifRevision: string };
  readonly sizeBytes?: number;
  readonly image?: number;
}

/** How many records may be made after one before its maker has looked again. */
const REMEMBERED = 32;
const chained = (current: Kept): Pick<Stored, 'nonce' | 'after'> => ({
  nonce: newIncarnation(),
  after: [current.nonce, ...(current.after ?? [])].slice(0, REMEMBERED),
});

function marked(current: Kept, mark: Change['mark']): Pick<Stored, 'revision' | 'record'> {
  const number = current.revision + (mark === undefined ? 0 : 1);
  const next = mark === undefined ? current.record : nextRecord(current.record, mark.patch, { ...mark, revision: '' });
  const { revision: _, ...record } = next;
  return { revision: number, record };
}

const CACHED = 20_000;

/** Records of volumes: made once per revision, never changed, so one that was read stays true for its incarnation. */
export class Records {
  readonly #calls: Calls;
  readonly #place: Place;
  readonly #cache = new Map<string, Kept>();

  constructor(calls: Calls, place: Place) {
    this.#calls = calls;
    this.#place = place;
  }

  /** @returns undefined when a newer one took its place meanwhile: scan again */
  async read(name: string, scan: Scan): Promise<Kept | undefined> {
    const file = recordFile(scan.inc, scan.rev);
    const known = this.#cache.get(file);
    if (known !== undefined) return known;
    const text = await this.#calls.readText(this.#place.path(name, file));
    if (text === undefined) return undefined;
    const kept = parseRecord(text, this.#place.path(name, file));
    if (this.#cache.size >= CACHED) this.#cache.delete(this.#cache.keys().next().value ?? '');
    this.#cache.set(file, kept);
    return kept;
  }

  /**
   * Compare-and-swap: the one that makes the next number won. Durable before it returns.
   * @throws VolumeError `busy` when somebody else made it, `data_loss` for a step backwards
   */
  async swap(name: string, scan: Scan, current: Kept, change: Change): Promise<void> {
    const rev = scan.rev + 1;
    const { sizeBytes = current.sizeBytes, image = current.image ?? 0 } = change;
    const next: Stored = { ...current, ...marked(current, change.mark), sizeBytes, image, ...chained(current) };
    const tmp = this.#place.scratch();
    const dir = this.#place.path(name);
    try {
      await this.#calls.makeFile(tmp, { text: JSON.stringify(next) });
      if (!(await this.#calls.hardLink(tmp, this.#place.path(name, recordFile(scan.inc, rev))))) throw changed(name);
      await this.#calls.syncDir(dir);
    } finally {
      await this.#calls.unlink(tmp);
    }
    await this.#settle(name, scan.inc, rev, next.nonce);
  }

  /**
   * Whoever was slow enough to make a number that had come and gone finds a higher one, not made from its own, and has
   * changed nothing.
   */
  async #settle(name: string, inc: string, rev: number, nonce: string): Promise<void> {
    const now = readScan((await this.#calls.entries(this.#place.path(name))) ?? []);
    if (now === undefined || now.inc !== inc || now.rev < rev) throw changed(name);
    if (now.rev > rev) {
      const top = await this.read(name, now);
      if (top === undefined) return this.#settle(name, inc, rev, nonce);
      if (top.after?.includes(nonce) !== true) throw changed(name);
    }
    for (const e of superseded(now)) if (e.startsWith('record.')) await this.#calls.unlink(this.#place.path(name, e));
  }
}

function parseRecord(text: string, path: string): Kept {
  try {
    const stored = JSON.parse(text) as Stored;
    if (typeof stored.record.format.state !== 'string' || !Number.isSafeInteger(stored.revision)) throw new Error();
    return freeze({ ...stored, record: { ...stored.record, revision: String(stored.revision) } });
  } catch (cause) {
    throw new VolumeError('data_loss', `The record ${path} does not verify.`, {
      details: { found: text.slice(0, 80), expected: 'a record' },
      hint: 'Nothing was changed. The image beside it is untouched; restore the record from a backup.',
      cause,
    });
  }
}

/** Deeply: answers share the cached record. */
function freeze<T extends object>(o: T): T {
  for (const v of Object.values(o)) if (typeof v === 'object' && v !== null) freeze(v);
  return Object.freeze(o);
}

const changed = (name: string): VolumeError<'busy'> =>
  new VolumeError('busy', `The record of volume "${name}" changed meanwhile.`, {
    details: { op: 'mark', retryAfterMs: 50 },
    hint: 'Try again.',
  });
