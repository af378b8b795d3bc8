import { VolumeError } from '@rexray/core';
import { decodeJwt } from 'jose';

/** Who may and who may not, by subject. */
export interface Rules {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** Rules that were read: subjects in lower case. */
export class Subjects {
  readonly #allow: ReadonlySet<string>;
  readonly #deny: ReadonlySet<string>;

  /** @param key what the rules are called, for errors. @throws VolumeError `invalid` */
  constructor(rules: Rules, key: string) {
    this.#allow = new Set((rules.allow ?? []).map((e) => subjectOf(e, `${key}.allow`)));
    this.#deny = new Set((rules.deny ?? []).map((e) => subjectOf(e, `${key}.deny`)));
  }

  /** Whether there are any. */
  get any(): boolean {
    return this.#allow.size + this.#deny.size > 0;
  }

  /** A denial comes first; where nobody is allowed by name, everyone else is. */
  may(name: string): boolean {
    const who = name.toLowerCase();
    return !this.#deny.has(who) && (this.#allow.size === 0 || this.#allow.has(who));
  }
}

/** A subject, a token that names one, or `tag:token`, as REX-Ray takes them. */
function subjectOf(entry: string, key: string): string {
  const token = /(?:^|:)([\w-]+\.[\w-]+\.[\w-]*)$/.exec(entry)?.[1];
  if (token === undefined || !token.startsWith('eyJ')) return entry.trim().toLowerCase();
  try {
    const { sub } = decodeJwt(token);
    if (sub !== undefined && sub !== '') return sub.toLowerCase();
  } catch {
    // Said below.
  }
  throw new VolumeError('invalid', `${key}: an entry looks like a token, and names no subject.`, {
    details: { path: key, expected: 'subjects, or tokens with a subject' },
    hint: 'Write the subject itself; "rexray token decode" shows it.',
  });
}
