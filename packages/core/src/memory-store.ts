import { VolumeError } from './errors.ts';
import type { NodeStore, StoreOp } from './store.ts';

/** Longest key in UTF-16 units; every store keeps at least this. */
export const STATE_KEY_MAX = 500;

/** @throws VolumeError `invalid` unless `key` is 1 to 500 characters without control characters and lone surrogates. */
export function assertStateKey(key: string): void {
  if (typeof key === 'string' && key !== '' && key.length <= STATE_KEY_MAX && !/[\p{Cc}\p{Cs}]/u.test(key)) return;
  throw new VolumeError('invalid', `${JSON.stringify(key)} cannot be a key of the node state.`, {
    details: {
      path: 'key',
      value: key,
      expected: `1 to ${STATE_KEY_MAX} characters, none of them a control character`,
    },
  });
}

/** The JSON text of a value. @throws VolumeError `invalid` for what JSON cannot hold */
export function stateText(key: string, value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (e) {
    cause = e;
  }
  if (text !== undefined) return text;
  throw new VolumeError('invalid', `The value for ${JSON.stringify(key)} is not JSON.`, {
    details: { path: key, expected: 'plain JSON' },
    ...(cause !== undefined && { cause }),
  });
}

/** Whether two JSON values are the same, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (k) => Object.hasOwn(b, k) && sameJson((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]),
    )
  );
}

/** What a commit compares with, as JSON would store it; undefined = absent. */
export const expectations = (expect: Readonly<Record<string, unknown>> = {}): (readonly [string, unknown])[] =>
  Object.entries(expect).map(([key, value]) => {
    assertStateKey(key);
    return [key, value === undefined ? undefined : (JSON.parse(stateText(key, value)) as unknown)] as const;
  });

/** The {@link NodeStore} of tests and of programs that keep no state: the same behaviour, nothing outlives the process. */
export class MemoryStore implements NodeStore {
  /** JSON text, so that what a caller changes later in its own objects is not stored. */
  readonly #entries = new Map<string, string>();
  #closed = false;

  async get<T>(key: string): Promise<T | undefined> {
    this.#open();
    assertStateKey(key);
    return this.#read(key) as T | undefined;
  }

  async list<T>(prefix: string): Promise<readonly (readonly [key: string, value: T])[]> {
    this.#open();
    return [...this.#entries]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => byCodePoint(a, b))
      .map(([key, text]) => [key, JSON.parse(text) as T] as const);
  }

  async commit(
    ops: readonly StoreOp[],
    o: { readonly durable?: boolean; readonly expect?: Readonly<Record<string, unknown>> } = {},
  ): Promise<boolean> {
    this.#open();
    const writes = ops.map((op) => {
      const key = 'put' in op ? op.put : op.del;
      assertStateKey(key);
      return { key, text: 'put' in op ? stateText(key, op.value) : undefined };
    });
    if (!expectations(o.expect).every(([key, value]) => sameJson(this.#read(key), value))) return false;
    for (const { key, text } of writes) {
      if (text === undefined) this.#entries.delete(key);
      else this.#entries.set(key, text);
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #read(key: string): unknown {
    const text = this.#entries.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  #open(): void {
    if (this.#closed) throw new VolumeError('unavailable', 'The node state is closed.', { details: {} });
  }
}

/** The order of UTF-8 bytes, which is the order of the stores on disk. */
function byCodePoint(a: string, b: string): number {
  const x = [...a];
  const y = [...b];
  for (let i = 0; i < x.length && i < y.length; i++) {
    const d = (x[i]?.codePointAt(0) ?? 0) - (y[i]?.codePointAt(0) ?? 0);
    if (d !== 0) return d;
  }
  return x.length - y.length;
}
