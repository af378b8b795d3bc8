import { type AnyVolumeError, CODES } from '@rexray/core';
import { PROBLEM_TYPE, toProblem } from '@rexray/rest-client';
import type { Answer } from './idempotency.ts';
import { asVolumeError, statusOf } from './refusal.ts';

export function success(status: number, result: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  if (result === undefined || status === 204) return { status: 204, headers, body: '', final: true };
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(result),
    final: true,
  };
}

/** Outcomes that another try may change, or that were rolled back, are not repeated for the sake of a key. */
export function failure(e: unknown, requestId: string): Answer & { readonly error: AnyVolumeError } {
  const error = asVolumeError(e, requestId);
  const problem = toProblem(error, statusOf(e) ?? CODES[error.code].http);
  const limited = (e as { retryAfterMs?: number } | undefined)?.retryAfterMs;
  const wait = limited ?? (error.details as { retryAfterMs?: number }).retryAfterMs ?? 1000;
  return {
    error,
    status: problem.status,
    headers: {
      'content-type': PROBLEM_TYPE,
      ...(error.code === 'unauthenticated' && { 'www-authenticate': 'Bearer realm="rexray"' }),
      ...((error.code === 'busy' || error.code === 'unavailable' || limited !== undefined) && {
        'retry-after': String(Math.max(1, Math.ceil(wait / 1000))),
      }),
    },
    body: JSON.stringify({
      ...problem,
      ...(problem.requestId === undefined && { requestId, instance: `urn:rexray:request:${requestId}` }),
    }),
    final: !error.retryable && error.code !== 'canceled' && error.code !== 'internal',
  };
}
