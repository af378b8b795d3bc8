import { CODES, isVolumeError, VolumeError } from '@rexray/core';
import type { Io } from './io.ts';
import type { Format } from './output.ts';

export const usage = (message: string, hint = 'See "rexray --help".'): VolumeError<'invalid'> =>
  new VolumeError('invalid', message, { details: { path: 'command line' }, hint });

/** The error on standard error, for a person or as one line of JSON, and its exit status. */
export function fail(e: unknown, io: Io, format: Format): number {
  const error = isVolumeError(e)
    ? e
    : new VolumeError('internal', `A bug in this program: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`, {
        details: {},
        hint: 'Please report it with this text.',
      });
  if (format === 'json') io.err(`${JSON.stringify({ error: error.toJSON() })}\n`);
  else io.err(`error: ${error.code}: ${error.message}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`);
  return CODES[error.code].exit;
}
