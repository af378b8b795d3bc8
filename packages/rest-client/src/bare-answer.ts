export interface BareAnswer {
  readonly status: number;
  readonly body: string;
  /** The connection may be asked again. */
  readonly keeps: boolean;
  /** The other side says so in words. */
  readonly promised: boolean;
  /** Content-Type without its parameters, in lower case; empty where there is none. */
  readonly type: string;
}

interface Head {
  readonly status: number;
  readonly type: string;
  readonly length: number | undefined;
  readonly chunked: boolean;
  readonly keeps: boolean;
  readonly promised: boolean;
}

/** A list of ten thousand volumes is some MiB; more than this is no list. */
const MOST = 64 * 1024 * 1024;

/**
 * For callers to whom node:http would cost more than the call: reads one answer of HTTP/1.x, by length, in chunks, or to the end of the
 * connection. Faults are plain Errors.
 */
export class AnswerReader {
  #buffer: Buffer = Buffer.alloc(0);
  /** What came since, while it was clear that the body is not whole yet. */
  #later: Buffer[] = [];
  #size = 0;
  #head: Head | undefined;
  #chunks: Buffer[] = [];

  push(chunk: Buffer): BareAnswer | undefined {
    this.#size += chunk.length;
    if (this.#size > MOST) throw new Error('its answer is too long');
    this.#later.push(chunk);
    if (this.#lacks()) return undefined;
    this.#buffer = this.#buffer.length === 0 && this.#later.length === 1 ? chunk : this.#joined();
    this.#later = [];
    while (this.#head === undefined) {
      const at = this.#buffer.indexOf('\r\n\r\n');
      if (at < 0) return undefined;
      const head = readHead(this.#buffer.subarray(0, at).toString('latin1'));
      this.#buffer = this.#buffer.subarray(at + 4);
      // 1xx: the answer itself is still to come.
      if (head.status >= 200) this.#head = head;
    }
    const { chunked, length, status } = this.#head;
    if (status === 204) return this.#answer(Buffer.alloc(0), this.#buffer.length === 0);
    if (chunked) return this.#readChunks();
    if (length === undefined || this.#buffer.length < length) return undefined;
    return this.#answer(this.#buffer.subarray(0, length), this.#buffer.length === length);
  }

  #joined(): Buffer {
    return Buffer.concat([this.#buffer, ...this.#later]);
  }

  /** Of a body of a known length more is to come. */
  #lacks(): boolean {
    const { length, chunked = false } = this.#head ?? {};
    if (length === undefined || chunked) return false;
    return this.#later.reduce((n, b) => n + b.length, this.#buffer.length) < length;
  }

  /** The other side has said all it will say. */
  end(): BareAnswer {
    const { length, chunked } = this.#head ?? {};
    if (this.#head === undefined) throw new Error('it closed the connection without an answer');
    if (chunked === true || length !== undefined) throw new Error('its answer is cut off');
    return this.#answer(this.#buffer, false);
  }

  #readChunks(): BareAnswer | undefined {
    for (;;) {
      const at = this.#buffer.indexOf('\r\n');
      if (at < 0) return undefined;
      const text = /^\s*([0-9a-fA-F]{1,8})\s*(?:;|$)/.exec(this.#buffer.subarray(0, at).toString('latin1'))?.[1];
      if (text === undefined) throw new Error('its answer is not HTTP (length of a chunk)');
      const size = Number.parseInt(text, 16);
      if (size === 0)
        return this.#answer(Buffer.concat(this.#chunks), this.#buffer.subarray(at).toString('latin1') === '\r\n\r\n');
      if (this.#buffer.length < at + 2 + size + 2) return undefined;
      this.#chunks.push(this.#buffer.subarray(at + 2, at + 2 + size));
      this.#buffer = this.#buffer.subarray(at + 2 + size + 2);
    }
  }

  /** @param whole nothing is left, so that what comes next is the next answer */
  #answer(body: Buffer, whole: boolean): BareAnswer {
    const { status = 0, type = '', keeps = false, promised = false } = this.#head ?? {};
    return { status, type, body: body.toString('utf8'), keeps: keeps && whole, promised };
  }
}

function readHead(text: string): Head {
  const [first = '', ...fields] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error('its answer is not HTTP');
  const field = (name: string): string | undefined => {
    const line = fields.find((f) => f.toLowerCase().startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim();
  };
  const length = field('content-length');
  const connection = field('connection') ?? '';
  if (length !== undefined && !/^\d{1,9}$/.test(length)) throw new Error('its answer is not HTTP (Content-Length)');
  return {
    status,
    type: (field('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '',
    length: length === undefined ? undefined : Number(length),
    chunked: /chunked/i.test(field('transfer-encoding') ?? ''),
    keeps: first.startsWith('HTTP/1.1') && !/close/i.test(connection),
    promised: /keep-alive/i.test(connection),
  };
}
