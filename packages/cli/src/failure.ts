import { CODES, type Code, isVolumeError, VolumeError } from '@rexray/core';
import type { Io } from './io.ts';
import type { Printing } from './output.ts';
import { colours } from './terminal/style.ts';

export const usage = (message: string, hint = 'See "rexray --help".'): VolumeError<'invalid'> =>
  new VolumeError('invalid', message, { details: { path: 'command line' }, hint });

/** The next step where whoever raised the error named none. */
const NEXT: Readonly<Record<Code, string>> = {
  not_found: 'See what there is with "rexray volume ls", "rexray snapshot ls" and "rexray service ls".',
  already_exists: 'Choose another name, or look at the one that exists with "rexray volume inspect".',
  invalid: 'See "rexray --help", and "rexray config explain KEY" for a key of the configuration.',
  out_of_range: 'Choose another size; "rexray volume inspect" shows the present one.',
  in_use: 'See who has it with "rexray holder ls" and "rexray volume inspect".',
  busy: 'Try again in a moment; "rexray status" shows what runs.',
  exhausted: 'Free some space or raise the limit, then try again.',
  denied: 'Run it as the user that may (mostly root); "rexray doctor" says what this machine lacks.',
  unauthenticated: 'Give valid credentials to the driver; "rexray config show" says where they are read from.',
  unsupported: 'See what the service can do with "rexray service ls -f yaml".',
  unavailable: 'Try again in a moment; "rexray status" and "rexray doctor" say what is wrong.',
  timeout: 'Look at the volume with "rexray volume inspect" before you try again.',
  canceled: 'Look at the volume with "rexray volume inspect" before you try again.',
  data_loss: 'Change nothing; see "What to do when …" in docs/operations.md.',
  internal: 'Please report it with this text.',
};

/** The error on standard error, for a person or as one line of JSON, and its exit status. */
export function fail(e: unknown, io: Io, printing: Pick<Printing, 'format'>): number {
  const error = isVolumeError(e)
    ? e
    : new VolumeError('internal', `A bug in this program: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`, {
        details: {},
      });
  const hint = error.hint ?? NEXT[error.code];
  if (printing.format === 'json' || printing.format === 'jsonp')
    io.err(`${JSON.stringify({ error: { ...error.toJSON(), hint } })}\n`);
  else {
    const c = colours(io, 'err');
    io.err(`${c.error('error:')} ${error.code}: ${error.message}\n${c.hint('hint:')} ${hint}\n`);
  }
  return CODES[error.code].exit;
}
