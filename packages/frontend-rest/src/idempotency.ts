import { createHash } from 'node:crypto';
import { VolumeError } from '@rexray/core';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The same call would be answered so again: a success, or a refusal that time does not change. */
  readonly final: boolean;
}

interface Entry {
  readonly print: string;
  readonly answer: Promise<Answer | undefined>;
  /** Set when it is there: from then on it counts and ages. */
  at?: number;
  bytes: number;
}

/** Sum of the bodies that are kept. */
const BYTES_MAX = 8 * 2 ** 20;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Answers by key, for a while: a caller that lost one asks again and gets it, and nothing is done twice. */
export class Answers {
  readonly #entries = new Map<string, Entry>();
  readonly #o: { readonly keepMs: number; readonly keepCount: number };
  #bytes = 0;

  constructor(o: { readonly keepMs: number; readonly keepCount: number }) {
    this.#o = o;
  }

  /**
   * The kept answer of this key, or what `act` answers. While the first call runs, others of the key wait for it.
   * @param request everything that makes the request what it is
   * @param caller whose key it is: another one's key of the same text is another key
   * @throws VolumeError `invalid` when the key was used for another request
   */
  async once(
    key: string,
    request: unknown,
    act: () => Promise<Answer>,
    caller = '',
  ): Promise<{ answer: Answer; replayed: boolean }> {
    if (!KEY.test(key))
      throw new VolumeError('invalid', 'The Idempotency-Key is not usable.', {
        details: { path: 'Idempotency-Key', expected: '1 to 255 visible characters of ASCII' },
      });
    const print = createHash('sha256').update(canonical(request)).digest('base64');
    const own = `${caller}\0${key}`;
    for (;;) {
      this.#forgetOld();
      const known = this.#entries.get(own);
      if (known === undefined) return { answer: await this.#first(own, print, act), replayed: false };
      if (known.print !== print) throw otherRequest(key);
      const answer = await known.answer;
      if (answer !== undefined) return { answer, replayed: true };
      // The first one came to nothing that may be repeated (canceled, timed out): it is done anew.
      if (this.#entries.get(own) === known) this.#delete(own, known);
    }
  }

  async #first(key: string, print: string, act: () => Promise<Answer>): Promise<Answer> {
    const acting = act();
    const entry: Entry = {
      print,
      bytes: 0,
      answer: acting.then((a) => (a.final ? a : undefined)).catch(() => undefined),
    };
    this.#entries.set(key, entry);
    try {
      const answer = await acting;
      if (!answer.final) this.#delete(key, entry);
      else {
        entry.at = Date.now();
        entry.bytes = answer.body.length;
        this.#bytes += entry.bytes;
        this.#forgetOld();
      }
      return answer;
    } catch (e) {
      this.#delete(key, entry);
      throw e;
    }
  }

  #delete(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  #forgetOld(): void {
    const oldest = Date.now() - this.#o.keepMs;
    let surplus = this.#entries.size - this.#o.keepCount;
    for (const [key, e] of this.#entries) {
      if (e.at === undefined) continue;
      if (surplus <= 0 && e.at >= oldest && this.#bytes <= BYTES_MAX) break;
      this.#delete(key, e);
      surplus -= 1;
    }
  }
}

/** Status 409 with the code `invalid`: the caller's mistake, but not one of the body alone. */
export class KeyReused extends VolumeError<'invalid'> {
  readonly statusCode = 409;
}
const otherRequest = (key: string): KeyReused =>
  new KeyReused('invalid', `The Idempotency-Key "${key}" was used for another request.`, {
    details: { path: 'Idempotency-Key', value: key, expected: 'a key of its own for each request' },
    hint: 'Nothing was done. Use a new key.',
  });

/** The same text for the same JSON, whatever the order of its keys. */
function canonical(x: unknown): string {
  if (typeof x !== 'object' || x === null) return JSON.stringify(x) ?? 'null';
  if (Array.isArray(x)) return `[${x.map(canonical).join(',')}]`;
  const entries = Object.entries(x).filter(([, v]) => v !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
    .join(',')}}`;
}
