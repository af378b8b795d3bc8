import { type AnyVolumeError, CODES, type Code, isCode, reviveError, VolumeError } from '@rexray/core';

/** An error as RFC 9457 writes it; `code`, `details` and `hint` are {@link VolumeError}'s. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint?: string;
  readonly volume?: string;
  readonly service?: string;
  readonly requestId?: string;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** @param status where HTTP has a better word than the code's own (413 for a body that is too large) */
export function toProblem(e: VolumeError | AnyVolumeError, status: number = CODES[e.code].http): Problem {
  const { message, code, details, hint, volume, service, requestId } = e.toJSON();
  return {
    type: `urn:rexray:error:${code}`,
    title: CODES[code].meaning,
    status,
    detail: message,
    ...(requestId !== undefined && { instance: `urn:rexray:request:${requestId}` }),
    code,
    details: details as Problem['details'],
    ...(hint !== undefined && { hint }),
    ...(volume !== undefined && { volume }),
    ...(service !== undefined && { service }),
    ...(requestId !== undefined && { requestId }),
  };
}

const BY_STATUS: Readonly<Record<number, Code>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'denied',
  404: 'not_found',
  413: 'invalid',
  414: 'invalid',
  415: 'invalid',
  429: 'exhausted',
  431: 'invalid',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
};

/** The error of an answer. What is not a problem document (a proxy's page) becomes an error by its status. */
export function fromProblem(x: unknown, status: number, what: string): AnyVolumeError {
  const p = (typeof x === 'object' && x !== null ? x : {}) as Partial<Problem>;
  if (isCode(p.code) && typeof p.detail === 'string') return reviveError({ ...p, message: p.detail });
  return new VolumeError(BY_STATUS[status] ?? 'internal', `${what} was answered with status ${status}.`, {
    details: {} as never,
    hint: 'The answer is not of this interface: is the address right, and does a proxy stand in between?',
  }) as AnyVolumeError;
}
