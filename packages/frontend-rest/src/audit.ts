import { type FileHandle, open } from 'node:fs/promises';
import { type Integration, isVolumeError, type Logger, VolumeError } from '@rexray/core';
import type { Caller } from './auth/callers.ts';

/** What somebody asks to be changed. */
export interface Change {
  readonly caller: Caller;
  readonly requestId: string;
  readonly op: string;
  readonly it: Integration;
  /** Name (or, of libStorage's clients, id) of the volume; empty where there is none. */
  readonly volume: string;
  /** Fields of the request; secrets and the driver's own options are left out. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** Whether the volume can be looked up by that name. */
  readonly named: boolean;
  /** The driver's id of the volume, where an agent names it by that. */
  readonly id?: string | undefined;
}

/** A look may not hold up what it is about, in ms. */
const LOOK_MS = 2_000;
const NEVER = new Set(['encryptionKey', 'params', 'mkfs', 'spec']);

/**
 * One line for every call that changes something: who, from where, what, as it is after, and how it ended, in the log. In a
 * file where one is configured, with how it was before, and another line when it begins: what cannot be written down is not done.
 */
export class Audit {
  readonly #path: string;
  readonly #logger: Logger;
  #file: FileHandle | undefined;

  private constructor(path: string, logger: Logger, file: FileHandle | undefined) {
    this.#path = path;
    this.#logger = logger;
    this.#file = file;
  }

  /** @param path empty: the log alone. @throws VolumeError `denied`, `unavailable` */
  static async open(path: string, logger: Logger): Promise<Audit> {
    try {
      return new Audit(path, logger, path === '' ? undefined : await open(path, 'a', 0o600));
    } catch (e) {
      throw unwritable(path, e);
    }
  }

  /** Why nothing can be written down any more; undefined: it can. */
  fault: string | undefined;

  /** @throws what the change throws; VolumeError `unavailable`: it cannot be written down, and was not done */
  async around<T>(c: Change, act: () => Promise<T>): Promise<T> {
    const before = await this.#look(c);
    await this.#write({ ...about(c), phase: 'begun', before });
    const start = performance.now();
    try {
      const result = await act();
      await this.#ended(c, start, { outcome: 'ok', before, after: shown(result) ?? (await this.#look(c)) });
      return result;
    } catch (e) {
      const error = isVolumeError(e) ? { outcome: e.code, error: e.message } : { outcome: 'internal' };
      await this.#ended(c, start, { ...error, before, after: await this.#look(c) });
      throw e;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** What was done is said to its caller, although it could not be written down; then nothing more is done. */
  async #ended(c: Change, start: number, outcome: object): Promise<void> {
    const line = { ...about(c), phase: 'ended', ...outcome, ms: Math.round(performance.now() - start) };
    this.#logger.info({ audit: line }, `${c.op} by ${c.caller.name}`);
    await this.#write(line).catch(() => undefined);
  }

  /** Looking is a call of its own, with its own events: it is made where somebody asked for a file. */
  async #look(c: Change): Promise<object | null | undefined> {
    return this.#path === '' ? undefined : look(c);
  }

  async #write(line: object): Promise<void> {
    if (this.#path === '') return;
    try {
      if (this.#file === undefined) throw new Error('it was closed');
      await this.#file.appendFile(`${JSON.stringify(line)}\n`);
      this.fault = undefined;
    } catch (e) {
      this.fault = `the audit file ${this.#path} cannot be written (${codeOf(e)})`;
      throw unwritable(this.#path, e);
    }
  }
}

const codeOf = (e: unknown): string => (e as NodeJS.ErrnoException).code ?? String((e as Error)?.message ?? e);

const unwritable = (path: string, e: unknown): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `The audit file ${path} cannot be written (${codeOf(e)}): nothing is changed without it.`,
    {
      details: { found: codeOf(e) },
      cause: e,
      hint: 'Free some space, or mend its permissions; libstorage.server.audit names it.',
    },
  );

const about = (c: Change): object => ({
  at: new Date().toISOString(),
  requestId: c.requestId,
  who: c.caller.name,
  via: c.caller.via,
  ...(c.caller.address !== '' && { from: c.caller.address }),
  op: c.op,
  service: c.it.service,
  ...(c.volume !== '' && { volume: c.volume }),
  asked: Object.fromEntries(Object.entries(c.asked).filter(([k]) => !NEVER.has(k))),
});

/** What matters of a volume; null: there is none; undefined: it could not be seen. */
async function look(c: Change): Promise<object | null | undefined> {
  const call = { timeoutMs: LOOK_MS, requestId: c.requestId };
  try {
    if (c.id !== undefined) return shown(await c.it.storage?.call('get', { id: c.id }, call));
    return c.named && c.volume !== '' ? shown(await c.it.get(c.volume, call)) : undefined;
  } catch (e) {
    return isVolumeError(e, 'not_found') ? null : undefined;
  }
}

const KEPT = ['id', 'name', 'sizeBytes', 'state', 'fsType', 'format', 'fsUuid', 'labels', 'hints', 'readOnly', 'path'];

/** What an answer shows of a volume; undefined: it is about something else. */
function shown(answer: unknown): object | undefined {
  const x = answer as Record<string, unknown> | null | undefined;
  if (typeof x !== 'object' || x === null || (x.id === undefined && x.path === undefined)) return undefined;
  const nodes = Array.isArray(x.attachments) ? (x.attachments as { node?: string }[]).map((a) => a.node) : undefined;
  const holders = Array.isArray(x.holders)
    ? x.holders.map((h: unknown) => (h as { holder?: string }).holder ?? h)
    : undefined;
  return {
    ...Object.fromEntries(KEPT.filter((k) => x[k] !== undefined).map((k) => [k, x[k]])),
    ...(nodes !== undefined && { nodes }),
    ...(holders !== undefined && { holders }),
  };
}
