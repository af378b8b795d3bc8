/** What a code means everywhere: on the wire, in an exit status, for a retry. One row a code; docs and front ends read this table. */
export interface CodeInfo {
  /** HTTP status of the REST front end. */
  readonly http: number;
  /** gRPC status code (CSI). */
  readonly grpc: number;
  /** A later identical call may succeed by itself. */
  readonly retry: boolean;
  /** Exit status of `rexray` and `dvdcli`. */
  readonly exit: number;
  readonly meaning: string;
}

export const CODES = {
  not_found: {
    http: 404,
    grpc: 5,
    retry: false,
    exit: 3,
    meaning: 'the volume, snapshot, node or service does not exist',
  },
  already_exists: {
    http: 409,
    grpc: 6,
    retry: false,
    exit: 1,
    meaning: 'the name is taken and an asked property differs',
  },
  invalid: { http: 400, grpc: 3, retry: false, exit: 2, meaning: 'a bad argument or configuration value' },
  out_of_range: { http: 400, grpc: 11, retry: false, exit: 2, meaning: 'a size outside what the driver can do' },
  in_use: { http: 409, grpc: 9, retry: false, exit: 1, meaning: 'held or claimed by somebody' },
  busy: { http: 409, grpc: 10, retry: true, exit: 1, meaning: 'another operation on this volume is pending or stuck' },
  exhausted: { http: 429, grpc: 8, retry: false, exit: 1, meaning: 'quota, space or device slots are used up' },
  denied: {
    http: 403,
    grpc: 7,
    retry: false,
    exit: 1,
    meaning: 'policy, permission, or no proof that the device is blank',
  },
  unauthenticated: { http: 401, grpc: 16, retry: false, exit: 1, meaning: 'no credentials, or bad ones' },
  unsupported: { http: 501, grpc: 12, retry: false, exit: 1, meaning: 'the driver lacks the verb or a guarantee' },
  unavailable: {
    http: 503,
    grpc: 14,
    retry: true,
    exit: 1,
    meaning: 'the backend is unreachable, or not the one that was known',
  },
  timeout: {
    http: 504,
    grpc: 4,
    retry: true,
    exit: 1,
    meaning: 'the deadline passed; the outcome is unknown until read back',
  },
  canceled: { http: 499, grpc: 1, retry: false, exit: 1, meaning: 'the caller went away' },
  data_loss: { http: 500, grpc: 15, retry: false, exit: 1, meaning: 'state or file system does not verify' },
  internal: { http: 500, grpc: 13, retry: false, exit: 1, meaning: 'a bug in this program' },
} as const satisfies Record<string, CodeInfo>;

export type Code = keyof typeof CODES;
export const isCode = (x: unknown): x is Code => typeof x === 'string' && Object.hasOwn(CODES, x);

/** What comes with each code, for programs; the message says the same for people. Every field is plain data. */
export interface ErrorDetails {
  not_found: { what?: string; near?: readonly string[] };
  already_exists: { differs: Readonly<Record<string, { have: unknown; asked: unknown }>> };
  invalid: { path?: string; value?: unknown; expected?: string };
  out_of_range: { min?: number; max?: number };
  /** `holders` as `class:id`; `node` the claiming node; `since` RFC 3339; `pids` of this host. */
  in_use: { holders?: readonly string[]; node?: string; since?: string; epoch?: number; pids?: readonly number[] };
  busy: { op?: string; pid?: number; since?: string; retryAfterMs?: number };
  exhausted: { limit?: number; used?: number };
  /** `rule` is a rule of the safety page (`S2`) or a configuration key; `found` what stood in the way. */
  denied: { rule: string; found?: string; where?: string };
  unauthenticated: Readonly<Record<string, never>>;
  unsupported: { verb?: string; option?: string; missing?: string };
  unavailable: { retryAfterMs?: number; expected?: string; found?: string };
  timeout: { afterMs?: number; step?: string };
  canceled: { step?: string; rolledBack?: boolean };
  data_loss: { found?: string; expected?: string; setAside?: string };
  internal: { step?: string };
}

export interface ErrorPlace {
  readonly volume?: string;
  readonly service?: string;
  readonly requestId?: string;
}

const BRAND = Symbol.for('@rexray/core/VolumeError');

/** The one error class of the public interface. Test with {@link isVolumeError}: two copies of this package may be loaded. */
export class VolumeError<C extends Code = Code> extends Error {
  override readonly name = 'VolumeError';
  readonly code: C;
  readonly details: ErrorDetails[C];
  /** The next step for a person, as a sentence. */
  readonly hint?: string;
  /** Filled in on the way out by the layer that knows them. */
  place: ErrorPlace;
  readonly [BRAND] = true;

  constructor(
    code: C,
    message: string,
    o: { details: ErrorDetails[C]; cause?: unknown; hint?: string; place?: ErrorPlace },
  ) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause });
    this.code = code;
    this.details = o.details;
    if (o.hint !== undefined) this.hint = o.hint;
    this.place = o.place ?? {};
  }

  get retryable(): boolean {
    return CODES[this.code].retry;
  }

  /** Message and hint, as a person should read them. */
  get text(): string {
    return this.hint === undefined ? this.message : `${this.message} ${this.hint}`;
  }

  /** Plain data for a wire or a log; never the cause, whose text may hold a secret. */
  toJSON(): { code: C; message: string; details: ErrorDetails[C]; hint?: string } & ErrorPlace {
    return {
      code: this.code,
      message: this.message,
      details: this.details,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...this.place,
    };
  }
}

/** A {@link VolumeError} of any code, discriminated by `code`. */
export type AnyVolumeError = { [K in Code]: VolumeError<K> }[Code];

/** Narrows by brand, not by `instanceof`; with codes, only those. */
export function isVolumeError(e: unknown): e is AnyVolumeError;
export function isVolumeError<C extends Code>(e: unknown, ...codes: [C, ...C[]]): e is { [K in C]: VolumeError<K> }[C];
export function isVolumeError(e: unknown, ...codes: Code[]): boolean {
  if (typeof e !== 'object' || e === null || (e as Record<symbol, unknown>)[BRAND] !== true) return false;
  return codes.length === 0 || codes.includes((e as VolumeError).code);
}

/** Plain data ({@link VolumeError.toJSON}) back to an error, on the far side of a wire; an unknown code becomes `internal`. */
export function reviveError(x: unknown): AnyVolumeError {
  if (isVolumeError(x)) return x;
  const o = (typeof x === 'object' && x !== null ? x : {}) as Record<string, unknown>;
  const code: Code = isCode(o.code) ? o.code : 'internal';
  const text = (k: string): string | undefined => (typeof o[k] === 'string' && o[k] !== '' ? o[k] : undefined);
  const [volume, service, requestId, message] = ['volume', 'service', 'requestId', 'message'].map(text);
  return new VolumeError(
    code,
    message ?? (typeof x === 'string' && x !== '' ? x : 'The other side failed without saying why.'),
    {
      details: (typeof o.details === 'object' && o.details !== null && o.code === code ? o.details : {}) as never,
      ...(typeof o.hint === 'string' && { hint: o.hint }),
      place: { ...(volume && { volume }), ...(service && { service }), ...(requestId && { requestId }) },
    },
  ) as AnyVolumeError;
}

export const notFound = (
  what: string,
  name: string,
  near: readonly string[] = [],
  service?: string,
): VolumeError<'not_found'> =>
  new VolumeError(
    'not_found',
    `${what} "${name}" does not exist${service === undefined ? '' : ` in service "${service}"`}.`,
    {
      details: { what, near },
      ...(near.length > 0 && { hint: `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` }),
    },
  );
