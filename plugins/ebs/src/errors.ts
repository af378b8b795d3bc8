import { type Code, isVolumeError, VolumeError } from '@rexray/core';

/** EC2's error code, or the code of a failed connection; empty for anything else. */
export function codeOf(e: unknown): string {
  if (typeof e !== 'object' || e === null) return '';
  const { name, code, Code } = e as { name?: unknown; code?: unknown; Code?: unknown };
  for (const c of [Code, code, name]) if (typeof c === 'string' && c !== 'Error') return c;
  return '';
}
export const messageOf = (e: unknown): string => (e instanceof Error ? e.message : String(e));
const statusOf = (e: unknown): number =>
  (e as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode ?? 0;

/** Refused for its rate: certainly not done. */
export const isThrottle = (e: unknown): boolean =>
  [
    'RequestLimitExceeded',
    'Throttling',
    'ThrottlingException',
    'RequestThrottled',
    'Client.RequestLimitExceeded',
  ].includes(codeOf(e));

const PASSING = new Set([
  'InternalError',
  'InternalFailure',
  'ServerInternal',
  'ServiceUnavailable',
  'Unavailable',
  'RequestTimeout',
  'TimeoutError',
  'NetworkingError',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
]);

/** The reply is missing or says nothing: whether it was done is unknown (S13). */
export const isUnknown = (e: unknown): boolean =>
  !isVolumeError(e) && !isThrottle(e) && (PASSING.has(codeOf(e)) || statusOf(e) >= 500);

const TABLE: Readonly<Record<string, Code>> = {
  AuthFailure: 'unauthenticated',
  InvalidClientTokenId: 'unauthenticated',
  SignatureDoesNotMatch: 'unauthenticated',
  RequestExpired: 'unauthenticated',
  ExpiredToken: 'unauthenticated',
  ExpiredTokenException: 'unauthenticated',
  CredentialsProviderError: 'unauthenticated',
  MissingAuthenticationToken: 'unauthenticated',
  OptInRequired: 'denied',
  UnauthorizedOperation: 'denied',
  OperationNotPermitted: 'denied',
  VolumeInUse: 'in_use',
  'InvalidSnapshot.InUse': 'in_use',
  IncorrectState: 'busy',
  IncorrectModificationState: 'busy',
  VolumeModificationRateExceeded: 'busy',
  SnapshotCreationPerVolumeRateExceeded: 'busy',
  VolumeLimitExceeded: 'exhausted',
  MaxIOPSLimitExceeded: 'exhausted',
  VolumeIOPSLimit: 'exhausted',
  SnapshotLimitExceeded: 'exhausted',
  ConcurrentSnapshotLimitExceeded: 'exhausted',
  AttachmentLimitExceeded: 'exhausted',
  TagLimitExceeded: 'exhausted',
  InsufficientVolumeCapacity: 'exhausted',
  InvalidParameterValue: 'invalid',
  InvalidParameterCombination: 'invalid',
  InvalidParameter: 'invalid',
  MissingParameter: 'invalid',
  ValidationError: 'invalid',
  'InvalidVolume.ZoneMismatch': 'invalid',
  'InvalidZone.NotFound': 'invalid',
  InvalidKmsKey: 'invalid',
  'InvalidVolumeID.Malformed': 'not_found',
  'InvalidVolume.NotFound': 'not_found',
  'InvalidSnapshot.NotFound': 'not_found',
  'InvalidSnapshotID.Malformed': 'not_found',
  'InvalidInstanceID.NotFound': 'not_found',
  'InvalidInstanceID.Malformed': 'not_found',
};

/** Raw errors of the SDK, and our own. */
export function classify(e: unknown): Code | undefined {
  if (isVolumeError(e)) return e.code;
  if (isThrottle(e)) return 'unavailable';
  const known = TABLE[codeOf(e)];
  if (known !== undefined) return known;
  if (isUnknown(e)) return 'unavailable';
  return /KMS|\bkey\b/i.test(codeOf(e)) ? 'denied' : undefined;
}

export const is = (e: unknown, ...codes: string[]): boolean => codes.includes(codeOf(e));

export const tooSlow = (what: string, found: string, hint: string, op: string): VolumeError<'busy'> =>
  new VolumeError('busy', `${what}: ${found}.`, { details: { op, retryAfterMs: 5_000 }, hint });
