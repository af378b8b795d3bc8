import assert from 'node:assert/strict';
import { type Code, isVolumeError } from '@rexray/core';

export type Classify = (e: unknown) => Code | undefined;

/** The code of an error, as the layers would see it. */
export const codeOf = (e: unknown, classify?: Classify): Code | undefined =>
  isVolumeError(e) ? e.code : classify?.(e);

/** What became of a promise, never rejecting. */
export type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export const settle = <T>(p: Promise<T>): Promise<Settled<T>> =>
  p.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  );

/** Asserts that a call fails with one of these codes; answers the error. */
export async function rejects(
  what: string,
  p: Promise<unknown>,
  codes: readonly Code[],
  classify?: Classify,
): Promise<unknown> {
  const r = await settle(p);
  assert.ok(!r.ok, `${what}: expected ${codes.join(' or ')}, but it succeeded`);
  const code = codeOf(r.error, classify);
  assert.ok(
    code !== undefined && codes.includes(code),
    `${what}: expected ${codes.join(' or ')}, got ${code ?? 'an error that classify does not know'}: ${String(r.error)}`,
  );
  return r.error;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
