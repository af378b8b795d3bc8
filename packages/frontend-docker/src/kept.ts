import { type CallOptions, type EventSource, VolumeError } from '@rexray/core';

/**
 * How old an answer may be, in ms, when another process or node changed what it says; what this daemon changes is seen
 * at once. No engine needs a mountpoint to be newer; the others are asked in bursts (`podman volume ls`, a scheduler).
 */
const KEPT_MS = { path: 1000, get: 100, list: 100 } as const;
export type Question = keyof typeof KEPT_MS;
const MOST = 2000;

/** Verbs after which nothing has changed. */
const READS = new Set(['get', 'list', 'capacity', 'plan', 'snapshots.list', 'holders.list', 'nodes.list']);
const CHANGES = ['volume.mounted', 'volume.unmounted', 'volume.lost', 'volume.removed', 'volume.created'] as const;

/** An answer, and whether it may be given again. */
export interface Answer {
  readonly text: string;
  readonly whole: boolean;
}

interface Reading {
  /** Changes before it began. */
  readonly before: number;
  readonly answer: Promise<Answer>;
}

/**
 * Answers as they were given a moment ago, and readings that several wait for. Any change of the service makes all of them
 * void: whoever asks after it is answered by a reading that began after it.
 */
export class Kept {
  readonly #kept = new Map<string, { readonly until: number; readonly text: string }>();
  readonly #reading = new Map<string, Reading>();
  readonly #listening: readonly Disposable[];
  #tidy: NodeJS.Timeout | undefined;
  /** Grows with each change, so that what was read before one is not kept after it. */
  #changes = 0;

  constructor(events: EventSource, service: string) {
    const changed = (e: { readonly service: string }): void => {
      if (e.service !== service) return;
      this.#changes += 1;
      this.#kept.clear();
    };
    this.#listening = [
      ...CHANGES.map((event) => events.on(event, changed)),
      events.on('op.done', (e) => {
        if (!READS.has(e.op)) changed(e);
      }),
    ];
  }

  /** @param read is not canceled when one who waits for it goes away: others may wait for it too */
  async of(
    question: Question,
    volume: string,
    { signal, ...call }: CallOptions,
    read: (call: CallOptions) => Promise<Answer>,
  ): Promise<string> {
    const key = `${question}:${volume}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && performance.now() < kept.until) return kept.text;
    const now = this.#reading.get(key);
    const reading = now?.before === this.#changes ? now : this.#read(question, key, () => read(call));
    return (await unlessGone(signal, reading.answer)).text;
  }

  #read(question: Question, key: string, read: () => Promise<Answer>): Reading {
    const before = this.#changes;
    const reading: Reading = {
      before,
      answer: read().then((answer) => {
        if (answer.whole && before === this.#changes) this.#keep(key, answer.text, KEPT_MS[question]);
        return answer;
      }),
    };
    this.#reading.set(key, reading);
    const end = (): void => {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    };
    reading.answer.then(end, end);
    return reading;
  }

  #keep(key: string, text: string, ms: number): void {
    if (this.#kept.size >= MOST) this.#kept.clear();
    this.#kept.set(key, { until: performance.now() + ms, text });
    // A long list is not held for longer than it may be given.
    this.#tidy ??= setTimeout(() => {
      this.#tidy = undefined;
      for (const [k, { until }] of this.#kept) if (until <= performance.now()) this.#kept.delete(k);
    }, KEPT_MS.path).unref();
  }

  close(): void {
    for (const l of this.#listening) l[Symbol.dispose]();
    clearTimeout(this.#tidy);
    this.#kept.clear();
  }
}

function unlessGone<T>(signal: AbortSignal | undefined, waited: Promise<T>): Promise<T> {
  if (signal === undefined) return waited;
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new VolumeError('canceled', 'The caller went away.', { details: {} }));
    if (signal.aborted) return gone();
    signal.addEventListener('abort', gone, { once: true });
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone));
  });
}
