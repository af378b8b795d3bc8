import { VolumeError } from '@rexray/core';
import { isTimeout } from './deadline.ts';
import type { HeldLock } from './lock.ts';
import { needProgram } from './programs.ts';

export interface ChildOptions {
  /** Verb for messages (`format`, `check`). Default: the program's name. */
  readonly op?: string;
  /** After this many ms it is killed. */
  readonly timeoutMs: number;
  /** Kills it as well. */
  readonly signal?: AbortSignal;
  readonly input?: string;
}
export interface ChildResult {
  /** Exit status; -1 when a signal ended it. Not zero is a result, not an exception. */
  readonly exitCode: number;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** {@link runChild} for one volume. */
export type ChildRunner = (program: string, args: readonly string[], o: ChildOptions) => Promise<ChildResult>;

/** How long a killed child may take to end before it counts as stuck. */
const KILL_GRACE_MS = 2000;

/**
 * Runs a program that acts on a volume's device. It inherits the volume's lock, so that the lock outlives us until it
 * ends (S4), and is killed with this process (S14). The death signal follows the spawning *thread*: call this from the
 * main one. Arguments are never read by a shell; put `--` before operands.
 * @throws `unavailable` naming the package of a missing program · `timeout` killed at its deadline · `canceled` ·
 * `busy` it could not be killed: it keeps the lock and later calls are told so
 */
export async function runChild(
  lock: HeldLock,
  program: string,
  args: readonly string[],
  o: ChildOptions,
): Promise<ChildResult> {
  const path = needProgram(program);
  const setpriv = needProgram('setpriv');
  const op = o.op ?? program;
  const { execa } = await import('execa');
  const child = execa(setpriv, ['--pdeathsig', 'KILL', '--', path, ...args], {
    // Any descriptor number works; execa's types know those up to 9.
    stdio: [o.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', lock.fd as 9],
    ...(o.input !== undefined && { input: o.input }),
    // Nothing of ours: MKE2FS_CONFIG and the like would decide what is made.
    extendEnv: false,
    env: { LC_ALL: 'C', PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
    reject: false,
    maxBuffer: 1 << 20,
  });
  const pid = child.pid ?? 0;
  lock.note(op, { child: { program, pid } });
  const ended = (async (): Promise<ChildResult> => {
    const r = await child;
    return {
      exitCode: r.exitCode ?? -1,
      ...(r.signal !== undefined && { signal: r.signal }),
      stdout: String(r.stdout ?? ''),
      stderr: String(r.stderr ?? ''),
    };
  })();
  const stop = await firstOf(ended, o);
  if (typeof stop !== 'string') {
    lock.note(op);
    return stop;
  }
  child.kill('SIGKILL');
  if (!(await endsWithin(ended, KILL_GRACE_MS))) {
    lock.note(op, { child: { program, pid }, stuck: true });
    child.unref();
    throw stuck(op, program, pid);
  }
  lock.note(op);
  throw stop === 'timeout' ? timedOut(op, program, o.timeoutMs) : canceled(op, program);
}

function firstOf(ended: Promise<ChildResult>, o: ChildOptions): Promise<ChildResult | 'timeout' | 'canceled'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle('timeout'), o.timeoutMs);
    const onAbort = (): void => settle(isTimeout(o.signal?.reason) ? 'timeout' : 'canceled');
    const settle = (r: ChildResult | 'timeout' | 'canceled'): void => {
      clearTimeout(timer);
      o.signal?.removeEventListener('abort', onAbort);
      resolve(r);
    };
    if (o.signal?.aborted) return onAbort();
    o.signal?.addEventListener('abort', onAbort, { once: true });
    ended.then(settle, reject);
  });
}

function endsWithin(ended: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const done = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    ended.then(done, done);
  });
}

const stuck = (op: string, program: string, pid: number): VolumeError<'busy'> =>
  new VolumeError('busy', `${program} (pid ${pid}) passed its deadline and cannot be ended; ${op} is stuck.`, {
    details: { op, pid, since: new Date().toISOString(), retryAfterMs: 10_000 },
    hint: `The volume stays locked until pid ${pid} ends; see /proc/${pid}/stack for what it waits for.`,
  });

const timedOut = (op: string, program: string, afterMs: number): VolumeError<'timeout'> =>
  new VolumeError('timeout', `${program} did not finish within ${Math.round(afterMs)} ms and was killed.`, {
    details: { afterMs, step: op },
    hint: 'What it had done is unknown until the volume is looked at again.',
  });

const canceled = (op: string, program: string): VolumeError<'canceled'> =>
  new VolumeError('canceled', `The caller went away; ${program} was killed.`, { details: { step: op } });
