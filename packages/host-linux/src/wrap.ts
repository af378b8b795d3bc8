import { type Code, isVolumeError, VolumeError } from '@rexray/core';
import { errnoCode } from '@rexray/kernel';

const CODE_OF: Readonly<Record<string, Code>> = {
  EPERM: 'denied',
  EACCES: 'denied',
  EROFS: 'denied',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EBUSY: 'in_use',
  EIO: 'unavailable',
  ENXIO: 'unavailable',
  ENODEV: 'unavailable',
  ENOENT: 'unavailable',
  ESTALE: 'unavailable',
  // What a file system answers that found itself damaged: EFSCORRUPTED and EFSBADCRC have these numbers.
  EUCLEAN: 'data_loss',
  EBADMSG: 'data_loss',
};

/** What a system call answered in the middle of a verb, as an error of ours; ours pass through, bugs become `internal`. */
export function asVolumeError(e: unknown, op: string): VolumeError {
  if (isVolumeError(e)) return e;
  const errno = errnoCode(e);
  const message = e instanceof Error ? e.message : String(e);
  const code: Code = (errno !== undefined && CODE_OF[errno]) || 'internal';
  return new VolumeError<Code>(code, `${op} failed: ${message}.`, {
    details: code === 'denied' ? { rule: errno ?? '', found: message } : {},
    cause: e,
  });
}
