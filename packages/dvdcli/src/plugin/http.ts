/**
 * Just enough HTTP/1.1 for a plugin's socket: one request, one answer, one connection. `node:http` would cost more than
 * everything else that this program does together.
 */
import { VolumeError } from '@rexray/core';
import { type Call, remaining } from '../volumes.ts';
import { type Answer, AnswerReader } from './answer.ts';
import type { Endpoint } from './endpoint.ts';
import { open } from './socket.ts';

export interface Post {
  /** `VolumeDriver.Mount` */
  readonly method: string;
  readonly body: object | undefined;
  /** How long an answer is still waited for once the caller has given up, in ms. Default 0. */
  readonly lingerMs?: number;
}

/**
 * @throws VolumeError `unavailable` (nobody there: `details.found` is the system's code), `timeout`, `canceled`. After the
 * last two the outcome is unknown; a plugin of ours rolls back when its client goes away.
 */
export async function post(to: Endpoint, p: Post, call: Call): Promise<Answer> {
  if (call.signal.aborted && p.lingerMs === undefined) throw givenUp(p.method, to);
  const socket = await open(to);
  return new Promise<Answer>((resolve, reject) => {
    const reader = new AnswerReader();
    let linger: ReturnType<typeof setTimeout> | undefined;
    const ms = remaining(call);
    const late = setTimeout(() => end(tooLate(p.method, to, ms)), ms);
    const giveUp = (): void => {
      linger = setTimeout(() => end(givenUp(p.method, to)), p.lingerMs ?? 0);
    };
    const end = (outcome: Answer | VolumeError): void => {
      clearTimeout(late);
      clearTimeout(linger);
      call.signal.removeEventListener('abort', giveUp);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const read = (step: () => Answer | undefined): void => {
      try {
        const answer = step();
        if (answer !== undefined) end(answer);
      } catch (e) {
        end(broken(p.method, to, (e as Error).message));
      }
    };
    call.signal.addEventListener('abort', giveUp, { once: true });
    if (call.signal.aborted) giveUp();
    socket.on('data', (chunk: Buffer) => read(() => reader.push(chunk)));
    socket.on('end', () => read(() => reader.end()));
    socket.on('error', (e: NodeJS.ErrnoException) => end(fault(p.method, to, e)));
    socket.write(request(to, p));
  });
}

function request(to: Endpoint, { method, body }: Post): string {
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  // Like Docker: no Content-Type. A host that is a path would be none.
  return [
    `POST /${method} HTTP/1.1`,
    `Host: ${to.kind === 'unix' ? 'plugin' : `${to.host}:${to.port}`}`,
    'User-Agent: dvdcli',
    'Accept: application/vnd.docker.plugins.v1.2+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n');
}

const UNKNOWN = 'Whether it was done is unknown: look at the volume before you try again.';

const tooLate = (method: string, to: Endpoint, ms: number): VolumeError =>
  new VolumeError('timeout', `The plugin ${to.name} did not answer ${method} within ${ms} ms.`, {
    details: { afterMs: ms, step: method },
    hint: UNKNOWN,
  });
const givenUp = (method: string, to: Endpoint): VolumeError =>
  new VolumeError('canceled', `${method} of the plugin ${to.name} was given up.`, {
    details: { step: method },
    hint: UNKNOWN,
  });
const broken = (method: string, to: Endpoint, why: string): VolumeError =>
  new VolumeError('unavailable', `The plugin ${to.name} broke off ${method}: ${why}.`, {
    details: { found: why },
    hint: UNKNOWN,
  });

function fault(method: string, to: Endpoint, e: NodeJS.ErrnoException): VolumeError {
  const code = e.code ?? e.message;
  if (code === 'EACCES' || code === 'EPERM')
    return new VolumeError('denied', `This user may not use the plugin ${to.name} (${code}).`, {
      details: { rule: 'permissions of the socket', found: code, where: to.name },
      cause: e,
      hint: 'Run it as root.',
    });
  // Nothing was sent: nobody listens.
  if (['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTSOCK'].includes(code))
    return new VolumeError('unavailable', `Nobody answers at the plugin ${to.name} (${code}).`, {
      details: { expected: to.name, found: code },
      cause: e,
      hint: 'Is the plugin running? --wait=30s waits for it.',
    });
  return broken(method, to, code);
}

/** Whether nobody was there, so that nothing can have happened. */
export const nobodyThere = (e: unknown): boolean => {
  const found = (e as { code?: string; details?: { expected?: string; found?: string } }) ?? {};
  return found.code === 'unavailable' && found.details?.expected !== undefined;
};
