import { type Code, isVolumeError, VolumeError } from '@rexray/core';
import { errnoOf } from './files.ts';

const CODES: Readonly<Record<string, Code>> = {
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EFBIG: 'out_of_range',
  EROFS: 'denied',
  EACCES: 'denied',
  EPERM: 'denied',
  ELOOP: 'denied',
  ENAMETOOLONG: 'invalid',
  ENOTDIR: 'invalid',
  ESTALE: 'unavailable',
  EIO: 'unavailable',
  ENOTCONN: 'unavailable',
  ENODEV: 'unavailable',
  EHOSTDOWN: 'unavailable',
  ETIMEDOUT: 'unavailable',
  EUCLEAN: 'data_loss',
  EBUSY: 'busy',
  // Absence that is an answer was handled: this one means that somebody else removed it in the middle of a verb.
  ENOENT: 'busy',
};

export const classify = (e: unknown): Code | undefined => (isVolumeError(e) ? e.code : CODES[errnoOf(e) ?? '']);

export const changed = (name: string): VolumeError<'busy'> =>
  new VolumeError('busy', `The record of volume "${name}" changed meanwhile.`, {
    details: { op: 'mark', retryAfterMs: 50 },
    hint: 'Try again.',
  });

export const beingMade = (name: string): VolumeError<'busy'> =>
  new VolumeError('busy', `Volume "${name}" is being made or removed by another process.`, {
    details: { op: 'create', retryAfterMs: 250 },
    hint: 'Try again; what a dead process of a node left behind, that node collects when it starts.',
  });

export const notOurs = (entry: string): VolumeError<'denied'> =>
  new VolumeError('denied', `Directory "${entry}" was not made by this driver: it has no record.`, {
    details: { rule: 'S12', found: 'no record', where: entry },
    hint: 'Adopt it first.',
  });

export const taken = (name: string, what: string): VolumeError<'already_exists'> =>
  new VolumeError('already_exists', `"${name}" exists: ${what}.`, {
    details: { differs: { name: { have: what, asked: name } } },
    hint: 'Choose another name.',
  });
