import { randomBytes } from 'node:crypto';
import { chmod, link, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { VolumeError } from '@rexray/core';

/** Longest path of a socket that Linux takes, in bytes. */
const PATH_MAX = 107;

/** A socket file of ours, and no other's. */
export interface ClaimedSocket {
  readonly path: string;
  /** Whether the file is still the one that we made. */
  ours(): Promise<boolean>;
  /** Removes the file if it is still ours. */
  remove(): Promise<void>;
}

const errno = (e: unknown): string => (e as NodeJS.ErrnoException).code ?? 'unknown error';

/**
 * Listens under a private name, then shows the socket under its own: whoever finds it there finds mode 0600 and a server
 * that answers. A socket file that nobody answers on is replaced; anything else in its place is left alone.
 * @param listen binds and listens on the path that it is given
 * @throws VolumeError `in_use` (a server answers there), `denied`, `invalid` (path), `unavailable`
 */
export async function claimSocket(path: string, listen: (path: string) => Promise<unknown>): Promise<ClaimedSocket> {
  const dir = dirname(path);
  const draft = join(dir, `.${randomBytes(4).toString('hex')}`);
  assertPath(path, draft);
  try {
    await mkdir(dir, { recursive: true, mode: 0o755 });
    await assertFree(path);
    await listen(draft);
    await chmod(draft, 0o600);
    const { ino, dev } = await lstat(draft, { bigint: true });
    const ours = async (): Promise<boolean> => {
      const now = await lstat(path, { bigint: true }).catch(() => undefined);
      return now !== undefined && now.ino === ino && now.dev === dev;
    };
    await show(draft, path);
    return {
      path,
      ours,
      async remove() {
        if (await ours()) await rm(path, { force: true });
      },
    };
  } catch (e) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw asVolumeError(e, path);
  }
}

function assertPath(path: string, draft: string): void {
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(draft));
  if (path.startsWith('/') && !path.includes('\0') && bytes <= PATH_MAX && basename(path) !== '') return;
  throw new VolumeError('invalid', `"${path}" cannot be the path of a socket.`, {
    details: { path: 'host', value: path, expected: `an absolute path of at most ${PATH_MAX} bytes` },
    hint: 'Choose a shorter absolute path, such as /run/docker/plugins/rexray.sock.',
  });
}

/** Link takes the name only if it is free: of several that start at once, one gets it. */
async function show(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (e) {
    if (errno(e) !== 'EEXIST') throw e;
    await bury(path, `${draft}x`);
    await link(draft, path).catch((again: unknown) => {
      throw errno(again) === 'EEXIST' ? taken(path, 'it began a moment earlier') : again;
    });
  }
  await rm(draft, { force: true });
}

/**
 * Takes a stale socket away. Another server may have put its own there since it was looked at: what was taken is
 * compared with what was found dead, and given back if it is not that.
 */
async function bury(path: string, grave: string): Promise<void> {
  const dead = await assertFree(path);
  if (dead === undefined) return;
  await rename(path, grave).catch((e: unknown) => {
    if (errno(e) !== 'ENOENT') throw e;
  });
  const got = await identity(grave);
  if (got !== undefined && got !== dead) {
    await link(grave, path).catch(() => undefined);
    await rm(grave, { force: true });
    throw taken(path, 'it began a moment earlier');
  }
  await rm(grave, { force: true });
}

async function identity(path: string): Promise<string | undefined> {
  const s = await lstat(path, { bigint: true }).catch(() => undefined);
  return s === undefined ? undefined : `${s.dev}:${s.ino}:${s.birthtimeNs}`;
}

function taken(path: string, found: string): VolumeError<'in_use'> {
  return new VolumeError('in_use', `Another server uses ${path} (${found}).`, {
    details: {},
    hint: 'Stop it first, or give this one another socket. A socket that is left over from a dead server is replaced by itself.',
  });
}

/**
 * @returns the identity of the dead socket that is there; undefined: nothing is
 * @throws VolumeError `in_use` where somebody answers, `denied` where something else than a socket is
 */
async function assertFree(path: string): Promise<string | undefined> {
  const seen = await identity(path);
  const there = await lstat(path).catch((e: unknown) => {
    if (errno(e) === 'ENOENT') return undefined;
    throw e;
  });
  if (there === undefined) return undefined;
  if (!there.isSocket()) {
    throw new VolumeError('denied', `${path} exists and is not a socket.`, {
      details: { rule: 'a socket replaces nothing but a socket', found: 'another kind of file', where: path },
      hint: 'Nothing was changed. Move it away, or choose another path.',
    });
  }
  const found = await knock(path);
  if (found === 'ENOENT') return undefined;
  if (found === 'ECONNREFUSED') return seen;
  throw taken(path, found);
}

/** What a caller of the socket meets: `answers`, or the error. A full backlog (EAGAIN) is a living server too. */
function knock(path: string): Promise<string> {
  return new Promise((resolve) => {
    const s = connect({ path });
    const end = (found: string): void => {
      s.destroy();
      resolve(found);
    };
    s.setTimeout(2000, () => end('it does not accept'));
    s.once('connect', () => end('it answers'));
    s.once('error', (e) => end(errno(e)));
  });
}

function asVolumeError(e: unknown, path: string): VolumeError {
  if (e instanceof VolumeError) return e;
  const code = errno(e);
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(code);
  const message = `The socket ${path} cannot be made (${code}).`;
  if (denied)
    return new VolumeError('denied', message, {
      details: { rule: 'permissions of the directory', found: code, where: dirname(path) },
      cause: e,
      hint: 'Run it as root, or choose a socket in a directory that this user may write.',
    });
  return new VolumeError(code === 'ENOSPC' ? 'exhausted' : 'unavailable', message, { details: {}, cause: e });
}
