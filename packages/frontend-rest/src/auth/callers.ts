import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Integration, VolumeError } from '@rexray/core';
import type { KnownHost } from '@rexray/rest-client';
import type { AuthConfig } from '../config.ts';
import { Subjects } from './subjects.ts';
import { Tokens, unauthenticated } from './tokens.ts';

/** Who asks. */
export interface Caller {
  /** Subject of the token, name of the certificate; `local` on a unix socket. */
  readonly name: string;
  readonly via: 'socket' | 'certificate' | 'token' | 'nobody';
  /** Where the connection comes from; empty on a unix socket. */
  readonly address: string;
  /** The nodes for which it may ask as an agent; absent: any. */
  readonly nodes?: readonly string[];
}

/** What an endpoint demands of its callers. */
export interface Door {
  readonly name: string;
  /** The file system decides who may use it. */
  readonly unix: boolean;
  readonly anonymous: boolean;
  readonly certRequired: boolean;
  /** Clients by fingerprint; may be replaced while it runs. */
  known: readonly KnownHost[];
}

type Services = Readonly<Record<string, Integration>>;

/** Who may ask, and which services there are for whom. */
export class Access {
  readonly #tokens: Tokens | undefined;
  readonly #everywhere: Subjects;
  readonly #services: ReadonlyMap<string, Subjects>;

  private constructor(auth: AuthConfig, tokens: Tokens | undefined) {
    this.#tokens = tokens;
    this.#everywhere = new Subjects(auth, 'libstorage.server.auth');
    this.#services = new Map(
      Object.entries(auth.services).map(([name, rules]) => [
        name.toLowerCase(),
        new Subjects(rules, `libstorage.server.services.${name}.auth`),
      ]),
    );
  }

  /** @throws VolumeError `invalid` */
  static async open(auth: AuthConfig): Promise<Access> {
    return new Access(
      auth,
      auth.key === undefined || auth.key === '' ? undefined : await Tokens.open(auth.key, auth.alg),
    );
  }

  /** Whether a token can say who asks. */
  get takesTokens(): boolean {
    return this.#tokens !== undefined;
  }

  /**
   * Who asks, by the door that it came through. A token that is sent counts, also where none is needed.
   * @throws VolumeError `unauthenticated`; `denied` for somebody who may nothing here
   */
  async callerOf(q: IncomingMessage, door: Door): Promise<Caller> {
    if (door.unix) return { name: 'local', via: 'socket', address: '' };
    const caller = await this.#identified(q, door);
    if (caller.via !== 'nobody' && !this.#everywhere.may(caller.name))
      throw new VolumeError('denied', `"${caller.name}" may not use this server.`, {
        details: { rule: 'libstorage.server.auth', found: caller.name, where: door.name },
        hint: 'Its operator can allow it (libstorage.server.auth.allow, .deny).',
      });
    return caller;
  }

  async #identified(q: IncomingMessage, door: Door): Promise<Caller> {
    const address = q.socket.remoteAddress ?? '';
    const certificate = certified(q.socket as TLSSocket, door.known);
    if (door.certRequired && certificate === undefined)
      throw unauthenticated('this endpoint wants a client certificate that it trusts');
    const token = /^bearer +(\S+) *$/i.exec(q.headers.authorization ?? '')?.[1];
    if (token !== undefined && this.#tokens !== undefined)
      return { ...(await this.#tokens.claimsOf(token)), via: 'token', address };
    if (q.headers.authorization !== undefined && this.#tokens !== undefined)
      throw unauthenticated('the header Authorization is not "Bearer" and a token');
    if (certificate !== undefined) return { name: certificate, via: 'certificate', address };
    if (door.anonymous) return { name: 'nobody', via: 'nobody', address };
    throw unauthenticated(this.#tokens === undefined ? 'it has no client certificate' : 'it has no token');
  }

  /** Whether somebody may see a service at all. The socket is the operator's: nothing is hidden from it. */
  may(caller: Caller, service: string): boolean {
    return caller.via === 'socket' || (this.#services.get(service.toLowerCase())?.may(caller.name) ?? true);
  }

  /** The services that exist for somebody. */
  visible(caller: Caller, services: Services): Services {
    if (caller.via === 'socket' || this.#services.size === 0) return services;
    return Object.fromEntries(Object.entries(services).filter(([name]) => this.may(caller, name)));
  }

  /** Whether somebody sees every one of these services. */
  seesAll(caller: Caller, services: Services): boolean {
    return caller.via === 'socket' || Object.keys(services).every((name) => this.may(caller, name));
  }
}

/** The name in a client certificate that an authority signed, or that is known by its fingerprint. */
function certified(socket: TLSSocket, known: readonly KnownHost[]): string | undefined {
  if (typeof socket.getPeerCertificate !== 'function') return undefined;
  const c = socket.getPeerCertificate();
  if (c.fingerprint256 === undefined) return undefined;
  const print = c.fingerprint256.replaceAll(':', '').toLowerCase();
  const hit = known.find((k) => k.fingerprint === print);
  if (hit !== undefined) return hit.host;
  const name = Array.isArray(c.subject?.CN) ? c.subject.CN[0] : c.subject?.CN;
  return socket.authorized && typeof name === 'string' && name !== '' ? name : undefined;
}
