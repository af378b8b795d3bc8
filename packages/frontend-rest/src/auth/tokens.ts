import { readFileSync, statSync } from 'node:fs';
import { VolumeError } from '@rexray/core';
import { type CryptoKey, errors, importSPKI, jwtVerify } from 'jose';

const ALGORITHMS = ['HS', 'RS', 'PS', 'ES'].flatMap((a) => ['256', '384', '512'].map((n) => a + n));
/** Shorter secrets can be guessed by whoever has one token. In bytes. */
const SHORTEST_SECRET = 16;
/** Clocks of two machines may differ by so much, in seconds. */
const SKEW = 30;

/** Verifies bearer tokens with one key and one algorithm: nothing in a token chooses either. */
export class Tokens {
  readonly #key: Promise<CryptoKey | Uint8Array>;
  readonly #alg: string;

  private constructor(key: Promise<CryptoKey | Uint8Array>, alg: string) {
    this.#key = key;
    this.#alg = alg;
  }

  /**
   * @param key a text, a public key in PEM, or the path of a file that holds one of them
   * @throws VolumeError `invalid`
   */
  static async open(key: string, alg: string): Promise<Tokens> {
    if (!ALGORITHMS.includes(alg))
      throw invalid('libstorage.server.auth.alg', `"${alg}" is no algorithm of tokens`, ALGORITHMS.join(', '));
    const text = contentOf(key);
    const made = alg.startsWith('HS') ? secret(text) : importSPKI(text, alg);
    try {
      await made;
    } catch (e) {
      throw e instanceof VolumeError
        ? e
        : invalid('libstorage.server.auth.key', `the key is not one for ${alg}`, 'a public key in PEM (SPKI)');
    }
    return new Tokens(Promise.resolve(made), alg);
  }

  /**
   * The subject of a token, and the nodes that it is for (claim `nodes`: a text or a list; absent: any).
   * @throws VolumeError `unauthenticated` that says what is wrong with it, and never what it says
   */
  async claimsOf(token: string): Promise<{ readonly name: string; readonly nodes?: readonly string[] }> {
    try {
      const { payload } = await jwtVerify(token, await this.#key, {
        algorithms: [this.#alg],
        requiredClaims: ['sub', 'exp'],
        clockTolerance: SKEW,
      });
      const nodes = nodesOf(payload.nodes);
      if (typeof payload.sub === 'string' && payload.sub !== '')
        return { name: payload.sub, ...(nodes !== undefined && { nodes }) };
      throw new errors.JWTClaimValidationFailed('no subject', payload, 'sub');
    } catch (e) {
      throw unauthenticated(reason(e, this.#alg));
    }
  }
}

/** What is there and is no list of names is for no node at all. */
function nodesOf(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return undefined;
  return (Array.isArray(claim) ? claim : [claim]).filter((n) => typeof n === 'string');
}

function reason(e: unknown, alg: string): string {
  if (e instanceof errors.JWTExpired) return 'it has expired';
  if (e instanceof errors.JOSEAlgNotAllowed) return `it is not signed with ${alg}`;
  if (e instanceof errors.JWSSignatureVerificationFailed) return 'its signature is not of this server’s key';
  if (e instanceof errors.JWTClaimValidationFailed) return `its claim "${e.claim}" is missing or does not hold`;
  return 'it is not a JSON Web Token';
}

export const unauthenticated = (why: string): VolumeError<'unauthenticated'> =>
  new VolumeError('unauthenticated', `The request does not say who asks: ${why}.`, {
    details: {},
    hint: 'Send "Authorization: Bearer" with a token ("rexray token new"; libstorage.client.auth.token), or a client certificate.',
  });

async function secret(text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= SHORTEST_SECRET) return bytes;
  throw invalid(
    'libstorage.server.auth.key',
    `the key has ${bytes.length} bytes, and could be guessed`,
    `a secret of at least ${SHORTEST_SECRET} bytes; 32 are better`,
    'Make one with "openssl rand -hex 32".',
  );
}

function contentOf(key: string): string {
  if (!key.startsWith('/')) return key;
  try {
    if (statSync(key).isFile()) return readFileSync(key, 'utf8').trim();
  } catch (e) {
    const found = (e as NodeJS.ErrnoException).code ?? String(e);
    throw invalid('libstorage.server.auth.key', `the file ${key} cannot be read (${found})`, 'a file with the key');
  }
  throw invalid('libstorage.server.auth.key', `${key} is not a file`, 'a file with the key');
}

const invalid = (path: string, why: string, expected: string, hint?: string): VolumeError<'invalid'> =>
  new VolumeError('invalid', `${path}: ${why}.`, { details: { path, expected }, ...(hint !== undefined && { hint }) });
