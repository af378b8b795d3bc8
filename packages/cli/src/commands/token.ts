import { existsSync, readFileSync } from 'node:fs';
import { VolumeError } from '@rexray/core';
import { loadConfig } from '@rexray/runtime/config';
import type { JWTPayload } from 'jose';
import type { GlobalFlags } from '../context.ts';
import { usage } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Column, print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain } from '../table/row.ts';

interface TokenFlags extends GlobalFlags {
  readonly key?: string;
  readonly alg?: string;
  readonly exp?: string;
  readonly verify?: boolean;
  readonly nodes?: string;
}
interface Settings {
  readonly key: string | undefined;
  readonly alg: string;
  readonly expMs: number;
}

async function settings(io: Io, flags: TokenFlags): Promise<Settings> {
  const config = await loadConfig(configOptions(flags, io));
  const { key, alg, expMs } = config.token();
  const given = flags.key ?? key;
  return {
    key: given === undefined ? undefined : content(given),
    alg: (flags.alg ?? alg).toUpperCase(),
    expMs: flags.exp === undefined ? expMs : duration(flags.exp),
  };
}

/** A key may be a file, by any path; what is no path of a file is the key itself. */
function content(key: string): string {
  if (key.startsWith('-----')) return key;
  if (existsSync(key)) return readFileSync(key, 'utf8').trim();
  if (key.startsWith('/'))
    throw new VolumeError('invalid', `The file of the key, ${key}, does not exist.`, {
      details: { path: '--key', expected: 'a file with the key' },
    });
  return key;
}

function duration(text: string): number {
  const m = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text);
  const ms = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[m?.[2] ?? ''];
  if (m !== null && ms !== undefined) return Number(m[1]) * ms;
  throw usage(`--exp: "${text}" is not a duration.`, 'Write 90s, 15m, 24h or 30d.');
}

const ALGORITHM = /^(HS|RS|PS|ES)(256|384|512)$/;

async function keyFor(s: Settings, what: 'sign' | 'verify') {
  const { importPKCS8, importSPKI } = await import('jose');
  if (!ALGORITHM.test(s.alg))
    throw usage(`"${s.alg}" is no algorithm of tokens.`, 'HS, RS, PS or ES with 256, 384 or 512.');
  if (s.key === undefined)
    throw usage('There is no key.', 'Give --key, REXRAY_TOKEN_KEY, rexray.token.key or libstorage.server.auth.key.');
  if (s.alg.startsWith('HS')) {
    if (Buffer.byteLength(s.key) >= 16) return new TextEncoder().encode(s.key);
    throw usage('The key has less than 16 bytes, and could be guessed.', 'Make one with "openssl rand -hex 32".');
  }
  try {
    return await (what === 'sign' ? importPKCS8(s.key, s.alg) : importSPKI(s.key, s.alg));
  } catch {
    throw usage(
      `The key is not one for ${s.alg}.`,
      what === 'sign'
        ? 'To sign it needs the private key in PEM (PKCS #8).'
        : 'To verify it needs the public key in PEM.',
    );
  }
}

/** A token for each subject. Speaks to no server. */
export async function make({ io, printing, flags }: Plain<TokenFlags>, subjects: readonly string[]): Promise<number> {
  const s = await settings(io, flags);
  const key = await keyFor(s, 'sign');
  const { SignJWT } = await import('jose');
  const now = Math.floor(Date.now() / 1000);
  const nodes = (flags.nodes ?? '').split(/[\s,]+/).filter((n) => n !== '');
  const made: { subject: string; token: string }[] = [];
  for (const subject of subjects) {
    if (subject.trim() === '') throw usage('A subject is empty.');
    const token = await new SignJWT(nodes.length > 0 ? { nodes } : {})
      .setProtectedHeader({ alg: s.alg, typ: 'JWT' })
      .setSubject(subject)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + Math.floor(s.expMs / 1000))
      .sign(key);
    made.push({ subject, token });
  }
  await print(io, printing, made, { lines: made.map((m) => m.token) });
  return 0;
}

interface Said {
  readonly subject: string;
  readonly issuedAt: string;
  readonly notBefore: string;
  readonly expires: string;
}
const SAID: readonly Column<Said>[] = [
  { head: 'Subject', cell: (t) => t.subject },
  { head: 'IssuedAt', cell: (t) => t.issuedAt },
  { head: 'NotBefore', cell: (t) => t.notBefore },
  { head: 'Expires', cell: (t) => t.expires },
];

/** What tokens say; whether they are good with `--verify`. */
export async function decode({ io, printing, flags }: Plain<TokenFlags>, given: readonly string[]): Promise<number> {
  const tokens = given.length > 0 ? given : await fromInput();
  if (tokens.length === 0) throw usage('No token was given.');
  const { decodeJwt, jwtVerify } = await import('jose');
  const s = flags.verify === true ? await settings(io, flags) : undefined;
  const key = s === undefined ? undefined : await keyFor(s, 'verify');
  const said: Said[] = [];
  for (const token of tokens) {
    try {
      if (s === undefined || key === undefined) said.push(shown(decodeJwt(token)));
      else said.push(shown((await jwtVerify(token, key, { algorithms: [s.alg] })).payload));
    } catch (e) {
      throw new VolumeError('unauthenticated', `A token is not good: ${(e as Error).message}.`, {
        details: {},
        hint: s === undefined ? 'A token has three parts with dots between.' : 'Is it the key that it was made with?',
      });
    }
  }
  await print(io, printing, said, { rows: said, columns: SAID });
  return 0;
}

const shown = (p: JWTPayload): Said => ({
  subject: p.sub ?? '',
  issuedAt: when(p.iat),
  notBefore: when(p.nbf),
  expires: when(p.exp),
});
const when = (seconds: number | undefined): string =>
  seconds === undefined ? '' : new Date(seconds * 1000).toISOString();

async function fromInput(): Promise<string[]> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text.split(/\s+/).filter((t) => t !== '');
}
