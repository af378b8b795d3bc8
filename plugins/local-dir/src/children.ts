/** The programs that walk trees: they go by descriptors and do not follow the symbolic links that a volume may hold (S20). */
import { type Ctx, remaining, VolumeError } from '@rexray/core';
import { execa } from 'execa';

/** @throws VolumeError `unavailable` naming the package of a missing program, `denied`, `exhausted`, or the signal's reason */
async function run(program: string, args: readonly string[], o: { signal?: AbortSignal; ms: number }): Promise<string> {
  const child = await execa('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    reject: false,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
    timeout: Math.max(1, o.ms),
    killSignal: 'SIGKILL',
    ...(o.signal !== undefined && { cancelSignal: o.signal }),
  });
  if (!child.failed) return child.stdout;
  o.signal?.throwIfAborted();
  if (child.timedOut)
    throw new VolumeError('timeout', `${program} did not end in ${Math.round(o.ms)} ms.`, {
      details: { afterMs: o.ms },
    });
  if (child.code === 'ENOENT' || child.exitCode === 127) throw missing(child.code === 'ENOENT' ? 'setpriv' : program);
  const said = child.stderr.split('\n').slice(0, 3).join(' ');
  const code = /No space left|quota exceeded/i.test(said) ? 'exhausted' : 'denied';
  throw new VolumeError(code, `${program} failed: ${said || `status ${child.exitCode}`}`, {
    details: code === 'denied' ? { rule: 'file permissions', found: said } : {},
  });
}

const PACKAGES: Readonly<Record<string, string>> = { setpriv: 'util-linux', xfs_quota: 'xfsprogs' };
function missing(program: string): VolumeError<'unavailable'> {
  return new VolumeError('unavailable', `${program} is not installed.`, {
    details: { expected: program },
    hint: `Install it: apt-get install ${PACKAGES[program] ?? 'coreutils'}`,
  });
}

/**
 * A copy of a whole tree to a path that does not exist: owner, mode, times, xattrs, hard links, holes, special files; blocks
 * are shared where the file system can. On the disk when it returns.
 */
export async function copyTree(from: string, to: string, ctx: Ctx): Promise<void> {
  const o = { signal: ctx.signal, ms: remaining(ctx) };
  await run('cp', ['-a', '-x', '--reflink=auto', '--sparse=auto', '-T', '--', from, to], o);
  await run('sync', ['-f', '--', to], o);
}

/** Never beyond a mount that somebody put into it. */
export const removeTree = async (path: string, ms: number): Promise<void> => {
  await run('rm', ['-r', '-f', '--one-file-system', '--', path], { ms });
};

export const xfsQuota = (command: string, at: { target: string; fsType: string }, ms: number): Promise<string> =>
  run('xfs_quota', ['-x', ...(at.fsType === 'xfs' ? [] : ['-f']), '-c', command, at.target], { ms });
