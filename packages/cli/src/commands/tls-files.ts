import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ran } from './systemd.ts';

interface TlsStep {
  readonly what: string;
  readonly path: string;
  readonly state: 'made' | 'kept' | 'failed';
  readonly why?: string;
}

/** REX-Ray's: one year is short for something that nobody renews. In days. */
const DAYS = 3650;

/**
 * A certificate of this machine for its own servers: RSA 2048, SHA-256, its names and 127.0.0.1; the key for its owner alone.
 * Files that exist stay. Needs openssl; without it everything else is still installed.
 */
export function selfSigned(dir: string, dry: boolean): readonly TlsStep[] {
  const [crt, key] = [join(dir, 'rexray.crt'), join(dir, 'rexray.key')];
  const steps = (state: TlsStep['state'], why?: string): readonly TlsStep[] =>
    [
      ['certificate', crt],
      ['key', key],
    ].map(([what = '', path = '']) => ({ what, path, state, ...(why !== undefined && { why }) }));
  if (existsSync(crt) || existsSync(key)) return steps('kept');
  if (dry) return steps('made');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const name = hostname();
  const names = `subjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1`;
  const r = ran(
    'openssl',
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', String(DAYS)],
    ...['-subj', `/O=rexray/CN=${name.slice(0, 64)}`, '-addext', names, '-keyout', key, '-out', crt],
  );
  if (r.status === 0) {
    chmodSync(key, 0o600);
    return steps('made');
  }
  for (const path of [crt, key]) rmSync(path, { force: true });
  return steps(
    'failed',
    r.status === 127 ? 'openssl is missing: apt-get install openssl, then again' : r.err.trim().split('\n').at(-1),
  );
}
