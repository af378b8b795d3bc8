import { type Code, isVolumeError, VolumeError } from '@rexray/core';

/** errno names and lmdb's own (negative) codes that mean something to the caller. */
const CODES: Readonly<Record<string, readonly [Code, string]>> = {
  EACCES: ['denied', 'Run as the owner of the state directory.'],
  EPERM: ['denied', 'Run as the owner of the state directory.'],
  EROFS: ['denied', 'The state directory must be on a writable file system.'],
  ENOSPC: ['exhausted', 'Free some space on the file system of the state directory.'],
  EDQUOT: ['exhausted', 'Raise the quota of the state directory.'],
  EMFILE: ['exhausted', 'Raise the limit of open files.'],
  ENFILE: ['exhausted', 'Raise the limit of open files.'],
  '-30792': ['exhausted', 'The node state has reached its largest size.'],
  '-30790': ['exhausted', 'Too many processes have the node state open.'],
};

/** What Node and lmdb throw, as a VolumeError that names the file. */
export function translate(e: unknown, file: string): VolumeError {
  if (isVolumeError(e)) return e;
  const raw = e as { code?: string | number; message?: string };
  const text = raw.message ?? String(e);
  const known = CODES[String(raw.code ?? '')] ?? Object.entries(ERRNO_TEXT).find(([t]) => text.includes(t))?.[1];
  const [code, hint] = known ?? (['internal', undefined] as const);
  return new VolumeError(code, `The node state in ${file} cannot be used: ${text}.`, {
    details: (code === 'denied' ? { rule: 'file permissions', where: file } : {}) as never,
    cause: e,
    ...(hint !== undefined && { hint }),
  });
}

/** lmdb gives errno as a number or as text only. */
const ERRNO_TEXT: Readonly<Record<string, readonly [Code, string]>> = {
  'Permission denied': CODES.EACCES as readonly [Code, string],
  'Read-only file system': CODES.EROFS as readonly [Code, string],
  'No space left': CODES.ENOSPC as readonly [Code, string],
};
