import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { VolumeError } from '@rexray/core';
import { left, type Patience } from '../client.ts';
import type { VirtualBoxConfig } from '../config.ts';
import { VboxError } from '../errors.ts';

export type Post = (xml: string, o: { readonly fresh: boolean }, p: Patience) => Promise<string>;
type Settings = Pick<VirtualBoxConfig, 'endpoint' | 'tls' | 'tlsInsecure' | 'tlsCAFile'>;

/** vboxwebsrv closes idle connections after 60 s, and has a thread for each that is open. */
const IDLE_MS = 20_000;
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

/** Sends envelopes. Reads share connections; what changes something gets a fresh one, so that a stale one cannot lose it. */
export function poster(o: Settings, requestMs: number): { readonly post: Post; close(): void; readonly url: URL } {
  const url = address(o);
  const secure = url.protocol === 'https:';
  const trust = secure
    ? { rejectUnauthorized: !o.tlsInsecure, ...(o.tlsCAFile !== '' && { ca: readFileSync(o.tlsCAFile) }) }
    : {};
  const agent = new (secure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    timeout: IDLE_MS,
    ...trust,
  });
  const post: Post = (xml, { fresh }, p) =>
    new Promise((resolve, reject) => {
      p.signal.throwIfAborted();
      const ms = Math.max(1, Math.ceil(Math.min(requestMs, left(p))));
      const timeout = AbortSignal.timeout(ms);
      const signal = AbortSignal.any([timeout, p.signal]);
      const fail = (e: Error): void =>
        reject(
          timeout.aborted && !p.signal.aborted ? late(url, ms, e) : p.signal.aborted ? p.signal.reason : broken(url, e),
        );
      const send = secure ? httpsRequest : httpRequest;
      const request = send(
        url,
        {
          method: 'POST',
          signal,
          agent: fresh ? false : agent,
          ...trust,
          headers: {
            'Content-Type': 'text/xml; charset=utf-8',
            SOAPAction: '""',
            'Content-Length': Buffer.byteLength(xml),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (c: Buffer) => {
            chunks.push(c);
            size += c.length;
            if (size > LONGEST) request.destroy(new Error(`an answer of more than ${LONGEST} bytes`));
          });
          response.on('error', fail);
          response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
        },
      );
      request.on('error', fail);
      request.end(xml);
    });
  return { post, url, close: () => agent.destroy() };
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
