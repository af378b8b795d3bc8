import { isVolumeError, reviveError } from '@rexray/core';
import { OPTIONS } from '@rexray/core/options';
import { secretPaths } from '@rexray/core/schema';

const HIDDEN = '[hidden]';
/** Shorter ones would blot out half of every line, and protect nothing. */
const SHORTEST = 4;

/**
 * Keeps secrets out of lines: fields whose name a schema marks as secret (`writeOnly`), and the values that the
 * configuration gave to such fields, wherever they stand (an error of a backend may quote one).
 */
export class Redactor {
  readonly #names = new Set<string>(
    OPTIONS.filter((o) => o.secret).flatMap((o) => [o.name, ...o.aliases].map((n) => n.toLowerCase())),
  );
  #values: readonly string[] = [];

  /** From now on the secrets of this schema and of these settings are hidden too. */
  learn(schemas: readonly Record<string, unknown>[], settings: Readonly<Record<string, unknown>>): void {
    const found = new Set(this.#values);
    for (const path of schemas.flatMap((s) => secretPaths(s))) {
      this.#names.add((path.split('.').at(-1) ?? '').toLowerCase());
      for (const text of textsIn(at(settings, path))) if (text.length >= SHORTEST) found.add(text);
    }
    // The longest first: one secret may begin with another.
    this.#values = [...found].sort((a, b) => b.length - a.length);
  }

  text(line: string): string {
    return this.#values.reduce((t, secret) => t.replaceAll(secret, HIDDEN), line);
  }

  /** A copy of plain data without secrets. */
  clean(x: unknown, depth = 0): unknown {
    if (typeof x === 'string') return this.text(x);
    if (typeof x !== 'object' || x === null || depth > 8) return x;
    if (x instanceof Error) return this.text(x.stack ?? x.message);
    if (Array.isArray(x)) return x.map((y) => this.clean(y, depth + 1));
    return Object.fromEntries(
      Object.entries(x).map(([k, v]) => [
        k,
        v !== undefined && this.#names.has(k.toLowerCase()) ? HIDDEN : this.clean(v, depth + 1),
      ]),
    );
  }
}

/** The same error without secrets: a backend may have quoted one in its own words. */
export function cleaned(e: unknown, redactor: Redactor): unknown {
  if (!isVolumeError(e)) return e;
  const before = e.toJSON();
  const after = redactor.clean(before);
  return JSON.stringify(after) === JSON.stringify(before) ? e : reviveError(after);
}

const at = (x: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((y, k) => (y as Record<string, unknown> | undefined)?.[k], x);

function textsIn(x: unknown): readonly string[] {
  if (typeof x === 'string') return [x];
  if (typeof x === 'number') return [String(x)];
  return typeof x === 'object' && x !== null ? Object.values(x).flatMap(textsIn) : [];
}
