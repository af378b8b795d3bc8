import { type AnyVolumeError, isVolumeError, VolumeError } from '@rexray/core';

/** Whatever was thrown, as an error that may leave the process: the text of a bug stays in the log. */
export function asVolumeError(e: unknown, requestId: string): AnyVolumeError {
  if (isVolumeError(e)) return e;
  const http = httpFault(e);
  if (http !== undefined) return http;
  return new VolumeError('internal', 'The request failed by a bug in this program.', {
    details: {},
    cause: e,
    place: { requestId },
    hint: `Report it with the log of request ${requestId}.`,
  }) as AnyVolumeError;
}

/** Statuses for which HTTP has a better word than the code's own. */
const OWN_STATUS = [405, 409, 412, 413, 414, 415, 431];
export const statusOf = (e: unknown): number | undefined => {
  const status = (e as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' && OWN_STATUS.includes(status) ? status : undefined;
};

/** What fastify and the parser of JSON found wrong with a request before any of our code saw it. */
function httpFault(e: unknown): AnyVolumeError | undefined {
  const { statusCode, code, message } = e as { statusCode?: unknown; code?: unknown; message?: unknown };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return undefined;
  const said = SAID[String(code)] ?? `it cannot be read (${String(message).slice(0, 200)})`;
  return new VolumeError('invalid', `The request was refused: ${said}.`, {
    details: { path: 'body', expected: said },
  }) as AnyVolumeError;
}

const SAID: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'its body is too large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'its body must be application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'its body is empty, although it is said to be JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'its body is not JSON, or has the key "__proto__" or "constructor"',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'its body is not as long as it said',
  FST_ERR_BAD_URL: 'its address is not well-formed',
};
