import { CODES, isVolumeError, VolumeError } from '@rexray/core';
import type { Asked, Verb } from './command-line.ts';
import type { Io } from './io.ts';
import type { Drivers } from './open.ts';
import { type Done, operate } from './operations.ts';
import { now } from './volumes.ts';

/** Does what a line asks. @throws VolumeError */
export async function act(a: Asked, verb: Verb, drivers: Drivers, io: Io): Promise<Done> {
  const call = { stop: io.stop, deadline: now() + a.timeoutMs };
  const volumes = await drivers.of(a.driver, a.waitMs, call);
  return operate(verb, volumes, a, call);
}

export const about = (a: Asked, verb: Verb, done: Done): object => ({
  op: verb,
  driver: a.driver,
  ...(a.name !== undefined && { volume: a.name }),
  ...done.json,
});

/** The result on standard output. Where its reader has gone, a mount that nobody will use is taken back. */
export async function say(text: string, done: Done, io: Io): Promise<void> {
  if (text === '') return;
  try {
    io.out(text);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code ?? String(e);
    const hint = await done.takeBack?.();
    throw new VolumeError('canceled', `Nobody reads the result any more (${code}).`, {
      details: { step: 'answer' },
      cause: e,
      ...(hint !== undefined && { hint }),
    });
  }
}

export const asError = (e: unknown): VolumeError =>
  isVolumeError(e)
    ? e
    : new VolumeError('internal', `A bug in this program: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`, {
        details: {},
        hint: 'Please report it with this text.',
      });

/** The error on standard error, and its exit status. */
export function fail(e: unknown, io: Io, json: boolean, before = ''): number {
  const error = asError(e);
  const hint = error.hint === undefined ? '' : `hint: ${error.hint}\n`;
  io.err(json ? `${JSON.stringify({ error: error.toJSON() })}\n` : `error: ${before}${error.message}\n${hint}`);
  return CODES[error.code].exit;
}
