import { type Code, isVolumeError } from '@rexray/core';

/** What went wrong, as far as both transports can tell. */
export type Kind =
  | 'not_found'
  | 'exists'
  | 'file'
  | 'full'
  | 'in_use'
  | 'locked'
  | 'state'
  | 'unsupported'
  | 'argument'
  | 'denied'
  /** The reference is unknown: released, of another logon, or the session ended. */
  | 'reference'
  | 'login'
  /** VBoxSVC ended, or is ending. */
  | 'gone'
  | 'unreachable'
  /** A certificate that is not trusted. */
  | 'certificate'
  /** No answer in time: whether it was done is unknown (S13). */
  | 'late'
  /** Nobody can say what happened: the connection broke while an answer was due. */
  | 'unknown'
  | 'protocol'
  | 'program'
  | 'other';

const CODES: Readonly<Record<Kind, Code>> = {
  not_found: 'not_found',
  exists: 'already_exists',
  file: 'unavailable',
  full: 'exhausted',
  in_use: 'in_use',
  locked: 'busy',
  state: 'busy',
  unsupported: 'unsupported',
  argument: 'invalid',
  denied: 'denied',
  reference: 'unavailable',
  login: 'unauthenticated',
  gone: 'unavailable',
  unreachable: 'unavailable',
  certificate: 'unauthenticated',
  late: 'timeout',
  unknown: 'unavailable',
  protocol: 'unavailable',
  program: 'unavailable',
  other: 'internal',
};

/** Results of VirtualBox's API, from its SDK reference and as recorded; the same numbers come over SOAP and from VBoxManage. */
const RESULTS: Readonly<Record<number, Kind>> = {
  2159738881: 'not_found',
  2159738882: 'state',
  2159738884: 'file',
  2159738887: 'locked',
  2159738889: 'unsupported',
  2159738892: 'in_use',
  2147942487: 'argument',
  2147942405: 'denied',
  2147500036: 'gone',
  2147944122: 'gone',
  2147944126: 'gone',
  2147746132: 'gone',
};

/** The texts that say more than the number does. */
const TEXTS: readonly (readonly [RegExp, Kind])[] = [
  [/VERR_ALREADY_EXISTS/, 'exists'],
  [/VERR_DISK_FULL/, 'full'],
  [/VERR_(FILE|PATH)_NOT_FOUND/, 'not_found'],
  [/VERR_(ACCESS_DENIED|WRITE_PROTECT)/, 'denied'],
];

export class VboxError extends Error {
  override readonly name = 'VboxError';
  readonly kind: Kind;
  /** Unsigned result of the API, where there is one. */
  readonly result: number | undefined;
  constructor(kind: Kind, message: string, o: { readonly result?: number; readonly cause?: unknown } = {}) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause });
    this.kind = kind;
    this.result = o.result;
  }
}

/** A result of VirtualBox's API, signed or not, with the sentence that came with it. */
export function failed(result: number, text: string): VboxError {
  const unsigned = result >>> 0;
  const said = text.replace(/^VirtualBox error: (apirc=0x[0-9a-f]+ )?/i, '').replace(/\s*\n\s*/g, ' ');
  const kind = TEXTS.find(([pattern]) => pattern.test(said))?.[1] ?? RESULTS[unsigned] ?? 'other';
  const shown = /\(0x[0-9a-f]{8}\)/i.test(said) ? said : `${said} (0x${unsigned.toString(16)})`;
  return new VboxError(kind, shown.trim(), { result: unsigned });
}

export const is = (e: unknown, ...kinds: readonly Kind[]): e is VboxError =>
  e instanceof VboxError && kinds.includes(e.kind);

/** Errors of this driver and of Node's sockets. */
export function classify(e: unknown): Code | undefined {
  if (isVolumeError(e)) return e.code;
  return e instanceof VboxError ? CODES[e.kind] : undefined;
}
