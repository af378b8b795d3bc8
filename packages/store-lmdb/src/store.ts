import { realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  assertStateKey,
  type Descriptors,
  expectations,
  isVolumeError,
  type Logger,
  type NodeStore,
  SET_ASIDE,
  type SetAside,
  type StoreOp,
  sameJson,
  stateText,
  VolumeError,
} from '@rexray/core';
import { closeOnExec } from './descriptors.ts';
import { translate } from './errors.ts';
import { inspect } from './inspect.ts';
import { alone, preparePlace } from './place.ts';
import { type Database, DURABLE, LMDB, openLmdb, SOON, setUp } from './setup.ts';
import { crcOf, damaged, decode, encode, exclude, include, plainKey, SUM_KEY, type Sum, storedKey } from './value.ts';

export interface LmdbConfig {
  /** Directory of the state, on a local file system. Made 0700. */
  readonly dir: string;
}

interface Opened {
  readonly db: Database;
  readonly file: string;
  readonly dev: number;
  readonly ino: number;
}
interface Job {
  readonly writes: readonly (readonly [stored: string, bytes: Buffer | undefined])[];
  readonly expect: readonly (readonly [key: string, value: unknown])[];
  readonly durable: boolean;
  readonly resolve: (written: boolean) => void;
  readonly reject: (e: unknown) => void;
}

/** Commits that may wait at once. */
const QUEUE = 10_000;
/** How long a read may trust that the file was not set aside by another process, in ms; a commit always looks. */
const TRUST_MS = 50;

/**
 * Node state in lmdb: several processes at once, each commit atomic; it is on disk before others see it. Opened (and
 * verified) by the first verb. Commits of one turn of the event loop share a transaction and its two flushes.
 */
export class LmdbStore implements NodeStore {
  readonly #dir: string;
  readonly #descriptors: Descriptors;
  readonly #log: Logger;
  #opened: Opened | undefined;
  #opening: Promise<Opened> | undefined;
  #checked = 0;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(config: LmdbConfig, descriptors: Descriptors, log: Logger) {
    this.#dir = resolve(config.dir);
    this.#descriptors = descriptors;
    this.#log = log;
  }

  async get<T>(key: string): Promise<T | undefined> {
    assertStateKey(key);
    const opened = this.#trusted() ?? (await this.#verified());
    try {
      return read(fresh(opened.db), storedKey(key)) as T | undefined;
    } catch (e) {
      throw await this.#failed(e, opened);
    }
  }

  async list<T>(prefix: string): Promise<readonly (readonly [key: string, value: T])[]> {
    const opened = this.#trusted() ?? (await this.#verified());
    try {
      return readAll<T>(fresh(opened.db), storedKey(prefix));
    } catch (e) {
      throw await this.#failed(e, opened);
    }
  }

  async commit(
    ops: readonly StoreOp[],
    o: { readonly durable?: boolean; readonly expect?: Readonly<Record<string, unknown>> } = {},
  ): Promise<boolean> {
    const writes = ops.map((op) => {
      const key = 'put' in op ? op.put : op.del;
      assertStateKey(key);
      const stored = storedKey(key);
      return [stored, 'put' in op ? encode(stored, stateText(key, op.value)) : undefined] as const;
    });
    const expect = expectations(o.expect);
    if (this.#closed) throw closedError();
    if (this.#queue.length >= QUEUE) {
      throw new VolumeError('busy', `${QUEUE} commits wait for the node state.`, {
        details: { op: 'commit', retryAfterMs: 100 },
      });
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, expect, durable: o.durable !== false, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Writes what was committed before, then closes. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    await this.#opening?.catch(() => undefined);
    await this.#leave();
  }

  /** Runs until the queue is empty. Waiting for the end of the turn lets concurrent verbs share one flush. */
  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        await new Promise(setImmediate);
        const jobs = this.#queue.splice(0);
        try {
          const answers = await this.#write(await this.#verified(), jobs);
          for (const [i, job] of jobs.entries()) job.resolve(answers[i] === true);
        } catch (e) {
          for (const job of jobs) job.reject(e);
        }
      }
    } finally {
      this.#draining = undefined;
    }
  }

  async #write(opened: Opened, jobs: readonly Job[]): Promise<readonly boolean[]> {
    const flags = jobs.some((j) => j.durable) ? DURABLE : SOON;
    let answers: readonly boolean[];
    try {
      answers = opened.db.transactionSync(() => apply(opened.db, jobs), flags);
    } catch (e) {
      throw await this.#failed(e, opened);
    }
    if (!this.#replaced(opened)) return answers;
    await this.#leave();
    throw new VolumeError('unavailable', `The node state in ${this.#dir} was replaced while this was written.`, {
      details: { retryAfterMs: 50 },
      hint: 'Another process found it damaged and set it aside. Try again.',
    });
  }

  /** What is open, when it was looked at a moment ago; a read costs microseconds, so that nothing is awaited here. */
  #trusted(): Opened | undefined {
    return performance.now() - this.#checked <= TRUST_MS ? this.#opened : undefined;
  }

  async #verified(): Promise<Opened> {
    const opened = await this.#current();
    this.#checked = performance.now();
    if (!this.#replaced(opened)) return opened;
    await this.#leave();
    return this.#current();
  }

  async #failed(e: unknown, opened: Opened): Promise<unknown> {
    return isVolumeError(e, 'data_loss') ? this.#suspect(e) : translate(e, opened.file);
  }

  /** A damaged entry: opening again verifies everything and sets the state aside. @returns the error that says most */
  async #suspect(e: unknown): Promise<unknown> {
    await this.#leave();
    try {
      await this.#current();
      return e;
    } catch (better) {
      return better;
    }
  }

  #replaced(o: Opened): boolean {
    const st = statSync(o.file, { throwIfNoEntry: false });
    return st === undefined || st.ino !== o.ino || st.dev !== o.dev;
  }

  async #current(): Promise<Opened> {
    if (this.#opened !== undefined) return this.#opened;
    if (this.#closed && this.#queue.length === 0 && this.#draining === undefined) throw closedError();
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Opened> {
    const file = join(this.#dir, LMDB, 'data.mdb');
    try {
      preparePlace(this.#dir);
      const finding = await inspect(file);
      if (finding.is !== 'sound') await alone(this.#dir, this.#descriptors, () => setUp(this.#dir));
      const db = openLmdb(join(this.#dir, LMDB));
      closeOnExec(realpathSync(file), this.#descriptors);
      const { dev, ino } = statSync(file);
      this.#opened = { db, file, dev, ino };
      this.#checked = performance.now();
      this.#warn(db);
      return this.#opened;
    } catch (e) {
      throw translate(e, file);
    }
  }

  #warn(db: Database): void {
    for (const [, note] of readAll<SetAside>(db, storedKey(SET_ASIDE))) {
      this.#log.warn(note, `An earlier node state was damaged and is kept as ${note.path}; what it knew is lost.`);
    }
  }

  async #leave(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.db.close();
  }
}

const closedError = (): VolumeError => new VolumeError('unavailable', 'The node state is closed.', { details: {} });

/** Without it lmdb-js reads a snapshot up to a turn old: older than a lock that was just taken. */
function fresh(db: Database): Database {
  db.resetReadTxn();
  return db;
}

function readAll<T>(db: Database, start: string): (readonly [key: string, value: T])[] {
  const out: (readonly [string, T])[] = [];
  for (const { key, value } of db.getRange({ start })) {
    if (!key.startsWith(start)) break;
    const text = decode(key, value);
    if (text === undefined) throw damaged(key);
    out.push([plainKey(key), JSON.parse(text) as T]);
  }
  return out;
}

function read(db: Database, stored: string): unknown {
  const bytes = db.getBinaryFast(stored);
  if (bytes === undefined) return undefined;
  const text = decode(stored, bytes);
  if (text === undefined) throw damaged(stored);
  return JSON.parse(text);
}

/** Inside the transaction: each job whose expectations hold is written, in order; the sum follows. */
function apply(db: Database, jobs: readonly Job[]): boolean[] {
  const before = read(db, SUM_KEY) as Sum | undefined;
  if (before === undefined) throw damaged(SUM_KEY);
  let sum = before;
  const answers = jobs.map((job) => {
    if (!job.expect.every(([key, value]) => sameJson(read(db, storedKey(key)), value))) return false;
    for (const [stored, bytes] of job.writes) {
      const old = db.getBinaryFast(stored);
      if (old !== undefined) sum = exclude(sum, crcOf(old));
      if (bytes !== undefined) {
        sum = include(sum, crcOf(bytes));
        db.put(stored, bytes);
      } else if (old !== undefined) db.remove(stored);
    }
    return true;
  });
  if (sum !== before) db.put(SUM_KEY, encode(SUM_KEY, JSON.stringify(sum)));
  return answers;
}
