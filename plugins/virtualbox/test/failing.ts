import { isVolumeError } from '@rexray/core';
import { classify } from '../src/errors.ts';

/** What an error says, by code, sentence and hint. */
export async function failing(
  p: Promise<unknown>,
): Promise<{ code: string | undefined; message: string; hint: string }> {
  try {
    await p;
  } catch (e) {
    const code = isVolumeError(e) ? e.code : classify(e);
    return { code, message: (e as Error).message, hint: isVolumeError(e) ? (e.hint ?? '') : '' };
  }
  return { code: 'it succeeded', message: '', hint: '' };
}
