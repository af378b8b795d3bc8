import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ctx, remaining, VolumeError } from '@rexray/core';
import { tryLock } from '@rexray/kernel';
import { isLate } from './deadline.ts';
import { commandOf, identify } from './proc/processes.ts';

/** What the holder of a lock wrote into its file, for the message of whoever waits. Never decides who holds it. */
export interface LockNote {
  readonly key: string;
  readonly pid: number;
  readonly op: string;
  /** RFC 3339 */
  readonly since: string;
  /** A child that acts on the device and has inherited the lock. */
  readonly child?: { readonly program: string; readonly pid: number };
  /** It passed its deadline and could not be ended: the volume answers `busy` until it does (S14). */
  readonly stuck?: boolean;
}

const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 25;

const nameOf = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 40);
export const lockPath = (dir: string, key: string): string => join(dir, nameOf(key));

/** The lock of one volume on this host (S4). Children inherit its descriptor; it is given back by closing only. */
export class HeldLock {
  readonly key: string;
  readonly fd: number;
  readonly #since = new Date().toISOString();
  #op = 'open';
  #closed = false;

  constructor(key: string, fd: number) {
    this.key = key;
    this.fd = fd;
    this.note('open');
  }

  /** Of the file: the same for this volume at any time. */
  get name(): string {
    return nameOf(this.key);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Says in the lock's file what goes on. */
  note(op: string, more: Pick<LockNote, 'child' | 'stuck'> = {}): void {
    if (this.#closed) return;
    this.#op = op;
    const note: LockNote = { key: this.key, pid: process.pid, op, since: this.#since, ...more };
    writeNote(this.fd, note);
  }

  get op(): string {
    return this.#op;
  }

  /** A child that still runs keeps the lock. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

function writeNote(fd: number, note: LockNote): void {
  const line = Buffer.from(`${JSON.stringify(note)}\n`);
  ftruncateSync(fd, line.length);
  writeSync(fd, line, 0, line.length, 0);
}

function readNote(path: string): LockNote | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockNote;
  } catch {
    return undefined; // just being written
  }
}

/** Notes for others that the holder hangs; written by whoever watched it pass its deadline. */
export function noteStuck(dir: string, note: Omit<LockNote, 'stuck'>): void {
  const fd = openSync(lockPath(dir, note.key), constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    if (!tryLock(fd)) writeNote(fd, { ...note, stuck: true });
  } finally {
    closeSync(fd);
  }
}

/** Makes the directory of the locks: nobody else may put files there. */
export function makeOwnDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if ((statSync(dir).mode & 0o077) !== 0) chmodSync(dir, 0o700);
}

/**
 * Waits for the lock until the deadline. By polling: flock that waits would hold a thread of the pool, and cannot be left.
 * @throws `busy` naming who has it; at once when that is stuck. `canceled` when the caller went away.
 */
export async function acquireLock(dir: string, key: string, ctx: Ctx): Promise<HeldLock> {
  const path = lockPath(dir, key);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    for (let wait = FIRST_WAIT_MS; !tryLock(fd); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const note = readNote(path);
      if (note?.stuck && livingHolder(note) !== undefined) throw busy(key, note);
      if (isLate(ctx)) throw busy(key, note);
      if (ctx.signal.aborted) throw canceled(key);
      await sleep(Math.min(wait, remaining(ctx)), undefined, { signal: ctx.signal }).catch(() => {});
    }
    return new HeldLock(key, fd);
  } catch (e) {
    closeSync(fd);
    throw e;
  }
}

const livingHolder = (note: LockNote): number | undefined =>
  [note.child?.pid, note.pid].find((pid) => pid !== undefined && identify(pid) !== undefined);

function busy(key: string, note: LockNote | undefined): VolumeError<'busy'> {
  if (note === undefined) {
    return new VolumeError('busy', `"${key}" is being worked on by another process.`, {
      details: { retryAfterMs: 1000 },
    });
  }
  const { op, since, stuck } = note;
  const pid = livingHolder(note) ?? note.pid;
  const orphan = pid === note.child?.pid && identify(note.pid) === undefined;
  const who = `${pid === note.child?.pid ? note.child.program : commandOf(pid) || 'process'} (pid ${pid})`;
  const state = stuck ? 'is stuck in' : orphan ? 'outlived its parent and still does' : 'is doing';
  return new VolumeError('busy', `"${key}" is locked: ${who} ${state} ${op} since ${since}.`, {
    details: { op, pid, since, retryAfterMs: stuck ? 10_000 : 1000 },
    hint: stuck
      ? `It holds the volume until pid ${pid} ends; see /proc/${pid}/stack for what it waits for.`
      : 'Try again later.',
  });
}

const canceled = (key: string): VolumeError<'canceled'> =>
  new VolumeError('canceled', `The caller went away while waiting for the lock of "${key}".`, {
    details: { step: 'lock', rolledBack: true },
  });
