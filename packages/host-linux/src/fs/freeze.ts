import { type ChildProcess, spawn } from 'node:child_process';
import { VolumeError } from '@rexray/core';
import { firstLines, missingProgram, runProgram, type Tools } from './programs.ts';

/**
 * The watcher. Its end of input is the thaw: whoever holds the other end may ask for it, or die. It keeps the mount open,
 * so that nobody can unmount it frozen (the kernel would answer 0 and keep the device). Signals do not end it, because
 * nobody else would thaw: not even SIGPIPE, when the reader of `frozen` has died. Its children inherit that, so only
 * SIGKILL ends the waiting.
 *
 * Arguments: mount point, seconds. Says `frozen` once writes are held, and at the end `held` or `lapsed`.
 */
export const WATCHER = `
trap '' INT TERM HUP QUIT PIPE
exec 9<"$1" || exit 3
fsfreeze --freeze /proc/self/fd/9 || exit 4
echo frozen
timeout -s KILL "$2" cat >/dev/null
waited=$?
fsfreeze --unfreeze /proc/self/fd/9 && [ "$waited" = 0 ] && echo held && exit 0
echo lapsed
`;

export interface FreezeOptions {
  /** It thaws by itself after this. */
  readonly maxMs: number;
  /** How long the flush may take before `freeze` gives up; the watcher then thaws as soon as it can. */
  readonly timeoutMs?: number;
  /** The volume's lock, inherited so that it outlives this process until the thaw (S4). */
  readonly lockFd?: number;
}

/** A file system whose writes are held. */
export interface Frozen {
  readonly pid: number;
  /** @returns false when it had thawed by itself, or somebody else thawed it. Also after an earlier call. */
  thaw(): Promise<Thawed>;
}

export interface Thawed {
  readonly held: boolean;
  /** The watcher was killed before it could thaw: the file system may be frozen still, and nobody else will thaw it. */
  readonly abandoned?: true;
}

interface Watcher {
  readonly child: ChildProcess;
  /** Resolves at `frozen`; rejects when the watcher ends before. */
  readonly frozen: Promise<void>;
  readonly ended: Promise<Thawed>;
}

function failure(target: string, exitCode: number | null, stderr: string): VolumeError {
  const said = firstLines(stderr, 2);
  if (exitCode === 2 || exitCode === 3) {
    return new VolumeError('not_found', `${target} cannot be frozen: ${said}.`, { details: { what: 'mount' } });
  }
  if (/not found|no such file/i.test(said)) return missingProgram('fsfreeze');
  if (/busy/i.test(said)) {
    return new VolumeError('busy', `${target} is frozen already.`, { details: { op: 'freeze' } });
  }
  if (/not supported|inappropriate/i.test(said)) {
    return new VolumeError('unsupported', `The file system at ${target} cannot be frozen: ${said}.`, {
      details: { verb: 'freeze' },
    });
  }
  if (/permitted|denied/i.test(said)) {
    return new VolumeError('denied', `${target} cannot be frozen: ${said}.`, { details: { rule: 'S16', found: said } });
  }
  return new VolumeError('internal', `Freezing ${target} failed: ${said}.`, { details: { step: 'freeze' } });
}

function watch(target: string, o: FreezeOptions): Watcher {
  const seconds = (Math.max(1, o.maxMs) / 1000).toFixed(3);
  const child = spawn('sh', ['-c', WATCHER, 'rexray-freeze', target, seconds], {
    // A session of its own: Ctrl-C in a terminal is not for it.
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe', ...(o.lockFd === undefined ? [] : [o.lockFd])],
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  let out = '';
  let err = '';
  child.stdin?.on('error', () => {}); // the watcher may have ended first
  child.stderr?.setEncoding('utf8').on('data', (s: string) => {
    err += s;
  });
  const gone = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const frozen = new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (s: string) => {
      out += s;
      if (out.includes('frozen\n')) resolve();
    });
    gone.then((code) => reject(failure(target, code, err)), reject);
  });
  const ended = gone.then(() => {
    const held = out.includes('held\n');
    const told = held || out.includes('lapsed\n');
    return { held, ...(!told && { abandoned: true as const }) };
  });
  frozen.catch(() => {});
  ended.catch(() => {});
  return { child, frozen, ended };
}

/**
 * Flushes a mounted file system and holds its writes, in a process of its own that thaws when its input ends — because
 * it was asked to, or because this process died — and after `maxMs` whatever happens (S16).
 * @throws `unsupported` by the file system · `busy` frozen already · `timeout` the flush took too long · `unavailable`
 */
export async function freeze(target: string, o: FreezeOptions): Promise<Frozen> {
  const { child, frozen, ended } = watch(target, o);
  const afterMs = o.timeoutMs ?? o.maxMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new VolumeError('timeout', `${target} did not freeze within ${afterMs} ms.`, {
          details: { afterMs, step: 'freeze' },
          hint: 'It thaws by itself as soon as its flush has ended.',
        }),
      );
    }, afterMs);
  });
  try {
    await Promise.race([frozen, late]);
  } catch (e) {
    child.stdin?.end();
    child.unref();
    throw e;
  } finally {
    clearTimeout(timer);
  }
  return {
    pid: child.pid ?? 0,
    thaw: () => {
      child.stdin?.end();
      return ended;
    },
  };
}

/** Thaws what a freeze of an earlier process left behind (its watcher was killed too). @returns false when it was not frozen */
export async function thawLeftover(target: string, tools: Tools): Promise<boolean> {
  const said = await runProgram(tools, 'fsfreeze', ['--unfreeze', target]);
  if (said.exitCode === 0) return true;
  if (/invalid argument/i.test(said.text)) return false;
  throw failure(target, said.exitCode, said.text);
}
