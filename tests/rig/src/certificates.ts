import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate with its key, as files in PEM. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly fingerprint: string;
}

/** An authority of one test. Needs the program `openssl`. */
export interface Authority extends Certificate {
  /** A certificate that it signs, for a name and the addresses of this machine. `days` may be over already (negative). */
  sign(name: string, o?: { readonly days?: number }): Certificate;
}

/** @param dir where the files are put; the caller removes it */
export function authority(dir: string, name = 'test authority'): Authority {
  const self = selfSigned(dir, name, true);
  let serial = 1;
  return {
    ...self,
    sign(subject, o = {}) {
      const at = join(dir, `${subject.replace(/\W/g, '-')}-${serial}`);
      key(`${at}.key`);
      openssl('req', '-new', '-key', `${at}.key`, '-subj', `/CN=${subject}`, '-out', `${at}.csr`);
      const ext = `subjectAltName=DNS:${subject},DNS:localhost,IP:127.0.0.1,IP:::1\n`;
      writeFileSync(`${at}.ext`, ext);
      const days = o.days ?? 2;
      const when =
        days > 0 ? ['-days', String(days)] : ['-not_before', '20200101000000Z', '-not_after', '20200102000000Z'];
      const by = ['-CA', self.certFile, '-CAkey', self.keyFile, '-set_serial', String(++serial)];
      openssl('x509', '-req', '-in', `${at}.csr`, ...by, ...when, '-extfile', `${at}.ext`, '-out', `${at}.crt`);
      return certificate(at);
    },
  };
}

/** A certificate that nobody signed. */
export function selfSigned(dir: string, name: string, ca = false): Certificate {
  const at = join(dir, name.replace(/\W/g, '-'));
  key(`${at}.key`);
  const ext = ca ? 'basicConstraints=critical,CA:TRUE' : 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const what = ['-x509', '-key', `${at}.key`, '-subj', `/CN=${name}`, '-days', '2', '-addext', ext];
  openssl('req', '-new', ...what, '-out', `${at}.crt`);
  return certificate(at);
}

const key = (path: string): void =>
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path);
const openssl = (...args: string[]): void =>
  void execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });

function certificate(at: string): Certificate {
  const { raw } = new X509Certificate(readFileSync(`${at}.crt`));
  const fingerprint = createHash('sha256').update(raw).digest('hex');
  return { certFile: `${at}.crt`, keyFile: `${at}.key`, fingerprint };
}
