import { CODES, isVolumeError, VolumeError } from '@rexray/core';
import type { Asked, Verb } from './command-line.ts';
import type { Io } from './io.ts';
import type { Drivers } from './open.ts';
import { type Done, operate } from './operations.ts';
import { now } from './volumes.ts';

/** Does what a line asks. @throws VolumeError */
export async function act(a: Asked, verb: Verb, drivers: Drivers, io: Io): Promise<Done> {
  const call = { stop: io.stop, deadline: now() + a.timeoutMs };
  try {
    const volumes = await drivers.of(a.driver, a.waitMs, call);
    return await operate(verb, volumes, a, call);
  } catch (e) {
    if (isVolumeError(e) && a.name) e.place = { volume: a.name, ...e.place };
    throw e;
  }
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
  io.err(json ? `${JSON.stringify({ error: error.toJSON() })}\n` : `error: ${before}${withPlace(error)}\n${hint}`);
  return CODES[error.code].exit;
}

/** The message, with the volume and the service where it does not name them: Mesos shows it without the command. */
function withPlace({ message, place: { volume, service } }: VolumeError): string {
  const words = message.split(/[\s"':,;()]+/).map((w) => w.replace(/\.$/, ''));
  const lacks = Object.entries({ volume, service }).filter(([, name]) => name !== undefined && !words.includes(name));
  if (lacks.length === 0) return message;
  return `${message.replace(/\.$/, '')} (${lacks.map(([what, name]) => `${what} "${name}"`).join(', ')}).`;
}
