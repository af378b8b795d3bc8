import { VolumeError } from '@rexray/core';

/** One line of a file of known hosts: `host sha256 4a:5b:…`, as REX-Ray writes it. */
export interface KnownHost {
  /** Name or address of a server; of a client, the name that it gets. */
  readonly host: string;
  /** SHA-256 of the certificate in DER, lower-case hex without colons. */
  readonly fingerprint: string;
}

/** `host sha256 hex`, with or without colons; undefined where the text is nothing of the kind. */
export function knownHost(line: string): KnownHost | undefined {
  const [host = '', algorithm = '', print = '', ...rest] = line.trim().split(/\s+/);
  const fingerprint = print.replaceAll(':', '').toLowerCase();
  if (rest.length > 0 || algorithm.toLowerCase() !== 'sha256' || !/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  return { host: host.toLowerCase(), fingerprint };
}

/**
 * Lines of a file of known hosts; empty ones and those that begin with `#` say nothing.
 * @param where the file or the key, for errors
 * @throws VolumeError `invalid` that names the line
 */
export function knownHostsIn(text: string, where: string): readonly KnownHost[] {
  const out: KnownHost[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const known = knownHost(line);
    if (known === undefined)
      throw new VolumeError('invalid', `${where}: line ${i + 1} is not a known host.`, {
        details: { path: where, expected: 'host sha256 fingerprint' },
        hint: 'A line is: name of the host, the word sha256, the SHA-256 of its certificate in hex.',
      });
    out.push(known);
  }
  return out;
}

/** `4a5b…` as people read it: `4A:5B:…`. */
export const fingerprintText = (hex: string): string => (hex.match(/../g) ?? []).join(':').toUpperCase();
