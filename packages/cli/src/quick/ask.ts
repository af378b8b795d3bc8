import { createConnection, type Socket } from 'node:net';
import { AnswerReader, type BareAnswer } from '@rexray/rest-client/bare';

/** The same as of the client (`SILENCE_MS`): a server that works sends signs of life. */
const SILENCE_MS = 30_000;
/** The server may answer line by line what takes long, so that it is not taken for dead. */
const NDJSON = 'application/x-ndjson';
const HEAD = `HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, ${NDJSON}\r\nConnection: keep-alive\r\n\r\n`;

export type Asked = { readonly ok: unknown } | 'silent' | 'canceled' | 'other';

/**
 * GETs of one connection to a server on a unix socket, one after the other. node:http alone would cost a command more than
 * the rest of it.
 */
export class Asking {
  readonly #socket: Socket;
  #usable = true;
  #read: (chunk: Buffer) => void = () => this.close();
  #ended: (why: Asked) => void = () => undefined;

  constructor(socketPath: string) {
    this.#socket = createConnection(socketPath);
    this.#socket.setTimeout(SILENCE_MS, () => this.#stop('silent'));
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // Also an answer that ends with its connection: no server of ours sends one.
    this.#socket.on('close', () => this.#stop('other'));
    this.#socket.on('error', () => undefined);
  }

  /** What a status 200 came with; `other`: whatever else there is to say, the ordinary client says it. */
  get(target: string, signal?: AbortSignal): Promise<Asked> {
    if (!this.#usable || signal?.aborted) return Promise.resolve('other');
    return new Promise((resolve) => {
      const reader = new AnswerReader();
      const cancel = (): void => this.#stop('canceled');
      this.#ended = (asked) => {
        signal?.removeEventListener('abort', cancel);
        this.#ended = () => undefined;
        this.#read = () => this.close();
        resolve(asked);
      };
      this.#read = (chunk) => {
        try {
          const answer = reader.push(chunk);
          if (answer === undefined) return;
          this.#usable &&= answer.keeps;
          this.#ended(contentOf(answer));
        } catch {
          this.#stop('other');
        }
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#socket.write(`GET ${target} ${HEAD}`);
    });
  }

  close(): void {
    this.#usable = false;
    this.#socket.destroy();
  }

  #stop(why: Asked): void {
    this.close();
    this.#ended(why);
  }
}

function contentOf({ status, type, body }: BareAnswer): Asked {
  if (status !== 200) return 'other';
  if (type === 'application/json') return { ok: JSON.parse(body) };
  if (type !== NDJSON) return 'other';
  const last = JSON.parse(body.trimEnd().split('\n').at(-1) ?? '') as { status?: unknown; result?: unknown };
  return last.status === 200 ? { ok: last.result } : 'other';
}
