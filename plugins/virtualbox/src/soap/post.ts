import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { VolumeError } from '@rexray/core';
import { left, type Patience } from '../client.ts';
import type { VirtualBoxConfig } from '../config.ts';
import { VboxError } from '../errors.ts';

export type Post = (xml: string, p: Patience) => Promise<string>;
type Settings = Pick<VirtualBoxConfig, 'endpoint' | 'tls' | 'tlsInsecure' | 'tlsCAFile'>;

const CONNECTIONS = 4;
/** 500 disks answer in 60 KB; a listing of a hundred thousand would still fit. */
const LONGEST = 32 << 20;

/** The address that is really asked. @throws VolumeError `invalid` */
export function address(o: Pick<Settings, 'endpoint' | 'tls'>): URL {
  const written = /^[a-z]+:\/\//i.test(o.endpoint) ? o.endpoint : `http://${o.endpoint}`;
  let url: URL | undefined;
  try {
    url = new URL(written);
  } catch {
    // told below
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new VolumeError('invalid', `virtualbox.endpoint: "${o.endpoint}" is not an address of vboxwebsrv.`, {
      details: { path: 'virtualbox.endpoint', value: o.endpoint, expected: 'http://host:18083' },
      hint: 'For example http://10.0.2.2:18083, which is the host for a guest behind NAT.',
    });
  }
  if (o.tls) url.protocol = 'https:';
  if (url.port === '' && !/:\d+\/?$/.test(written)) url.port = '18083';
  return url;
}

/**
 * Sends envelopes, each over a connection of its own. vboxwebsrv has a thread for each connection that is open, and starts one
 * only when it believes that none is idle: a call that comes while another connection is kept alive can wait until that one is
 * closed (seen on 7.2: no answer for more than 15 s). A connection costs less than a millisecond.
 */
export function poster(o: Settings, requestMs: number): { readonly post: Post; close(): void } {
  const url = address(o);
  const secure = url.protocol === 'https:';
  const trust = secure
    ? { rejectUnauthorized: !o.tlsInsecure, ...(o.tlsCAFile !== '' && { ca: readFileSync(o.tlsCAFile) }) }
    : {};
  const agent = new (secure ? HttpsAgent : HttpAgent)({
    keepAlive: false,
    maxSockets: CONNECTIONS,
    ...trust,
  });
  const post: Post = async (xml, p) => {
    p.signal.throwIfAborted();
    const ms = Math.max(1, Math.ceil(Math.min(requestMs, left(p))));
    const timeout = AbortSignal.timeout(ms);
    const signal = AbortSignal.any([timeout, p.signal]);
    const headers = {
      'Content-Type': 'text/xml; charset=utf-8',
      SOAPAction: '""',
      'Content-Length': Buffer.byteLength(xml),
    };
    const options = { method: 'POST', signal, agent, ...trust, headers };
    try {
      return await exchange((secure ? httpsRequest : httpRequest)(url, options), xml);
    } catch (e) {
      if (p.signal.aborted) throw p.signal.reason;
      throw timeout.aborted ? late(url, ms, e) : broken(url, e as Error);
    }
  };
  return { post, close: () => agent.destroy() };
}

function exchange(request: ClientRequest, xml: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (c: Buffer) => {
        chunks.push(c);
        size += c.length;
        if (size > LONGEST) request.destroy(new Error(`an answer of more than ${LONGEST} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    request.end(xml);
  });
}

const late = (url: URL, ms: number, cause: unknown): VboxError =>
  new VboxError('late', `vboxwebsrv at ${url.origin} did not answer within ${ms} ms`, { cause });

const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'];
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|HOSTNAME_MISMATCH/;

function broken(url: URL, e: Error): VboxError {
  const code = String((e as NodeJS.ErrnoException).code ?? '');
  const why = e.message || code;
  if (NEVER_SENT.includes(code)) {
    return new VboxError(
      'unreachable',
      `vboxwebsrv does not answer at ${url.origin} (${why}). Is it running on the VirtualBox host, listening on that address? Start it there with: vboxwebsrv -H <address> -p ${url.port}`,
      { cause: e },
    );
  }
  if (UNTRUSTED.test(code)) {
    return new VboxError(
      'certificate',
      `The certificate of ${url.origin} is not trusted (${why}). Name its authority in virtualbox.tlsCAFile; virtualbox.tlsInsecure: true accepts any certificate`,
      { cause: e },
    );
  }
  return new VboxError('unknown', `The connection to vboxwebsrv at ${url.origin} broke (${why})`, { cause: e });
}
