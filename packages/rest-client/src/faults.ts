import { VolumeError } from '@rexray/core';

/** How long a server may send nothing at all before it counts as gone, in ms, where nothing else is said. */
export const SILENCE_MS = 30_000;

export const silence = (ms: number): string => `sent nothing for ${ms} ms`;

/**
 * The connection ended in the middle of a call.
 * @param place the server, as a URL
 * @param why what the server did, such as {@link silence}
 */
export function broken(
  place: string,
  why: string,
  r: { readonly method: string; readonly target: string },
  cause?: unknown,
): VolumeError<'unavailable'> {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new VolumeError('unavailable', `The server on ${place} ${why} during ${r.method} ${r.target}.`, {
    details: { expected: place, ...(code !== undefined && { found: code }) },
    cause,
    ...(r.method !== 'GET' && {
      hint: 'Whether it was done is unknown: look at the volume before you try again.',
    }),
  });
}

/** @param rolledBack whether it is known that nothing of the call is left */
export const canceled = (why: string, rolledBack?: boolean): VolumeError<'canceled'> =>
  new VolumeError('canceled', `The call was canceled: ${why}.`, {
    details: rolledBack === undefined ? {} : { rolledBack },
    ...(rolledBack !== true && { hint: 'Look at the volume before you try again.' }),
  });

export const WENT_AWAY = 'the caller went away';
