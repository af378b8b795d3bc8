import type { Socket } from 'node:net';
import { AnswerReader, type BareAnswer } from '@rexray/rest-client/bare';

/** Why an exchange came to nothing: a code of the system, or what is wrong with the answer. */
export class Broken extends Error {
  readonly code: string | undefined;
  /** Not one byte of an answer came. */
  readonly unanswered: boolean;
  constructor(why: string, code: string | undefined, unanswered: boolean) {
    super(why);
    this.code = code;
    this.unanswered = unanswered;
  }
}

interface Exchange {
  readonly reader: AnswerReader;
  answered: boolean;
  resolve(answer: BareAnswer): void;
  reject(e: Error): void;
}

/** A connection to a plugin: one request at a time, in HTTP/1.1. */
export class Connection {
  readonly #socket: Socket;
  #now: Exchange | undefined;
  #usable = true;
  #promised = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#step((r) => r.push(chunk)));
    socket.on('end', () => {
      this.#usable = false;
      this.#step((r) => r.end());
    });
    socket.on('error', (e: NodeJS.ErrnoException) => {
      this.#usable = false;
      this.#fail(e.code ?? e.message, e.code);
    });
  }

  /** Whether another request may follow: the last answer was whole, and the other side keeps the connection. */
  get usable(): boolean {
    return this.#usable;
  }

  /** The other side has said in words that it keeps the connection. */
  get promised(): boolean {
    return this.#promised;
  }

  /** @throws Broken */
  ask(request: string): Promise<BareAnswer> {
    return new Promise((resolve, reject) => {
      this.#now = { reader: new AnswerReader(), answered: false, resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#usable = false;
    this.#socket.destroy();
    this.#fail('it was closed', undefined);
  }

  #step(read: (r: AnswerReader) => BareAnswer | undefined): void {
    const now = this.#now;
    if (now === undefined) {
      // Nobody asked: whatever it is, the next answer could not be told from it.
      this.#usable = false;
      return;
    }
    try {
      const answer = read(now.reader);
      now.answered = true;
      if (answer === undefined) return;
      this.#usable &&= answer.keeps;
      this.#promised = answer.promised;
      this.#now = undefined;
      now.resolve(answer);
    } catch (e) {
      this.#usable = false;
      this.#fail((e as Error).message, undefined);
    }
  }

  #fail(why: string, code: string | undefined): void {
    const now = this.#now;
    this.#now = undefined;
    now?.reject(new Broken(why, code, !now.answered));
  }
}
