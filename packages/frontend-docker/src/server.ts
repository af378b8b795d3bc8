import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type Logger, VolumeError } from '@rexray/core';
import { asVolumeError, CONTENT_TYPE, type Failure, failure, OK } from './answers.ts';
import { type Ask, readAsk } from './ask.ts';
import { CALLS, type CallRow, isDisabled, type Room } from './calls.ts';

export interface Limits {
  readonly maxBodyBytes: number;
  readonly maxConcurrent: number;
}

/** Answers the calls of engines, and knows which are running. */
export class Calls {
  readonly #room: Room;
  readonly #limits: Limits;
  readonly #logger: Logger;
  readonly #running = new Set<{ readonly controller: AbortController; readonly ended: Promise<void> }>();
  #draining = false;
  #ids = 0;
  /** Tells this run's requests from those of an earlier one in the log. */
  readonly #run = randomUUID().slice(0, 8);

  constructor(room: Room, limits: Limits) {
    this.#room = room;
    this.#limits = limits;
    this.#logger = room.logger;
  }

  readonly listener: RequestListener = (q, r) => {
    r.sendDate = false;
    const row = rowOf(q);
    if ('status' in row) {
      q.resume();
      return this.#send(r, row);
    }
    if (this.#running.size >= this.#limits.maxConcurrent) {
      q.resume();
      return this.#send(r, failure(overload(this.#running.size), 503));
    }
    const controller = new AbortController();
    const entry = { controller, ended: this.#answer(q, r, row, controller) };
    this.#running.add(entry);
    void entry.ended.finally(() => this.#running.delete(entry));
  };

  get running(): number {
    return this.#running.size;
  }

  /** From now on connections end with their answer. Resolves when all that runs has been answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    while (this.#running.size > 0) await Promise.all([...this.#running].map((e) => e.ended));
  }

  /** What can be rolled back is rolled back. */
  cancelAll(): void {
    for (const { controller } of this.#running) controller.abort();
  }

  async #answer(q: IncomingMessage, r: ServerResponse, row: CallRow, controller: AbortController): Promise<void> {
    this.#ids += 1;
    const requestId = `${this.#run}-${this.#ids}`;
    let gone = false;
    r.once('close', () => {
      if (r.writableFinished) return;
      gone = true;
      if (row.whenGone === 'cancel') controller.abort();
    });
    let ask: Ask;
    try {
      const body = await readBody(q, this.#limits.maxBodyBytes);
      // It went away in the middle of its request: there is nothing to do and nobody to tell.
      if (body === undefined) return;
      ask = readAsk(body, row);
    } catch (e) {
      // What may still come of a body that is too long is not read: the connection ends with this answer.
      if (!q.complete) r.shouldKeepAlive = false;
      return this.#send(r, failure(asVolumeError(e, requestId), 400));
    }
    const answer = await this.#perform(row, ask, { requestId, signal: controller.signal });
    if (gone && answer.status === 200) await this.#takeBack(row, ask, requestId);
    this.#send(r, answer);
  }

  async #perform(row: CallRow, ask: Ask, o: { requestId: string; signal: AbortSignal }): Promise<Failure> {
    try {
      return { status: 200, body: await row.run(this.#room, ask, { ...o, timeoutMs: row.timeoutMs }) };
    } catch (e) {
      const error = asVolumeError(e, o.requestId);
      if (isDisabled(row, error)) {
        this.#logger.warn(
          { volume: ask.name, requestId: o.requestId, rule: row.disabledBy },
          `${error.text} The engine was told success.`,
        );
        return { status: 200, body: OK };
      }
      if (error.code === 'internal')
        this.#logger.error(
          { volume: ask.name, requestId: o.requestId, err: String((e as Error)?.stack ?? e) },
          'a call failed by a bug',
        );
      return failure(error);
    }
  }

  async #takeBack(row: CallRow, ask: Ask, requestId: string): Promise<void> {
    if (row.undo === undefined) return;
    const about = { volume: ask.name, holder: ask.holder, requestId };
    try {
      await row.undo(this.#room, ask);
      this.#logger.warn(about, 'the engine went away before its answer: what was done was taken back');
    } catch (e) {
      this.#logger.error(
        { ...about, err: String(e) },
        'the engine went away before its answer, and it could not be taken back; "rexray holder ls" shows what is left',
      );
    }
  }

  #send(r: ServerResponse, { status, body }: Failure): void {
    if (r.destroyed || r.headersSent) return;
    if (this.#draining) r.setHeader('Connection', 'close');
    r.writeHead(status, { 'Content-Type': CONTENT_TYPE, 'Content-Length': Buffer.byteLength(body) });
    r.end(body);
  }
}

function rowOf(q: IncomingMessage): CallRow | Failure {
  const path = q.url ?? '';
  const row = Object.hasOwn(CALLS, path) ? CALLS[path] : undefined;
  if (row === undefined)
    return failure(
      new VolumeError('not_found', `${JSON.stringify(path.slice(0, 100))} is not a call of a volume plugin.`, {
        details: { what: 'call' },
      }),
      404,
    );
  if (q.method === 'POST') return row;
  return failure(
    new VolumeError('invalid', `${path} is asked with POST.`, {
      details: { path: 'method', value: q.method, expected: 'POST' },
    }),
    405,
  );
}

const overload = (n: number): VolumeError =>
  new VolumeError('unavailable', `${n} calls are running already.`, {
    details: { retryAfterMs: 1000 },
    hint: 'Try again a little later.',
  });

/**
 * The whole body, or undefined when the connection ended before it was whole.
 * @throws VolumeError `invalid` (too long)
 */
function readBody(q: IncomingMessage, max: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    q.on('data', (c: Buffer) => {
      size += c.length;
      if (size > max) reject(tooLong(max));
      else chunks.push(c);
    });
    q.once('end', () => {
      if (!q.complete) resolve(undefined);
      else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
    // Also after 'end', where it changes nothing any more.
    q.once('close', () => resolve(undefined));
    q.once('error', () => resolve(undefined));
  });
}

const tooLong = (max: number): VolumeError =>
  new VolumeError('invalid', `The request was refused: its body is longer than ${max} bytes.`, {
    details: { path: 'body', expected: `at most ${max} bytes` },
    hint: 'Nothing was done.',
  });
