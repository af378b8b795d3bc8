import { type Code, isVolumeError, VolumeError } from '@rexray/core';
import { errnoCode } from '@rexray/kernel';
import type { Claim } from './claims.ts';

const CODES: Readonly<Record<string, Code>> = {
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EMLINK: 'exhausted',
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
  ENXIO: 'unavailable',
  EHOSTDOWN: 'unavailable',
  EHOSTUNREACH: 'unavailable',
  ESHUTDOWN: 'unavailable',
  ETIMEDOUT: 'unavailable',
  EUCLEAN: 'data_loss',
  EBUSY: 'busy',
  EAGAIN: 'busy',
  // Every absence that is an answer was handled: this one happened in the middle of a verb, because somebody removed it.
  ENOENT: 'busy',
};

/** Raw errors of file calls, and our own. */
export const classify = (e: unknown): Code | undefined => (isVolumeError(e) ? e.code : CODES[errnoCode(e) ?? '']);

export const attachedTo = (name: string, claim: Claim, hint: string): VolumeError<'in_use'> =>
  new VolumeError('in_use', `Volume "${name}" is attached to node ${claim.node} since ${claim.since}.`, {
    details: { node: claim.node, since: claim.since, epoch: claim.epoch },
    hint,
  });

export const beingWorkedOn = (name: string, claim: Claim): VolumeError<'busy'> =>
  new VolumeError('busy', `Volume "${name}" is busy: ${claim.op} by node ${claim.node} since ${claim.since}.`, {
    details: { op: claim.op ?? 'unknown', since: claim.since, retryAfterMs: 250 },
    hint: `Try again; if node ${claim.node} died meanwhile, it ends this itself when it starts again.`,
  });

/** @param hint what else has the image, and what to do about it */
export const severalNames = (
  what: string,
  of: { readonly imagePath: string; readonly image: { readonly nlink: bigint } },
  hint = `Find its other names (find -samefile ${of.imagePath}) and leave it one.`,
): VolumeError<'denied'> =>
  new VolumeError('denied', `The image of "${what}" has ${of.image.nlink} names: two volumes could write it.`, {
    details: { rule: 'S12', found: `${of.image.nlink} hard links`, where: of.imagePath },
    hint: `Nothing was changed. ${hint}`,
  });

export const notOurs = (entry: string): VolumeError<'denied'> =>
  new VolumeError('denied', `"${entry}" was not made by this driver: it has no record.`, {
    details: { rule: 'S12', found: 'no record', where: entry },
    hint: 'Adopt it first.',
  });

export const taken = (name: string, what: string): VolumeError<'already_exists'> =>
  new VolumeError('already_exists', `"${name}" exists: ${what}.`, {
    details: { differs: { name: { have: what, asked: name } } },
    hint: 'Choose another name.',
  });
