import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { makePlaces, type Paths } from '@rexray/runtime/config';

/** What the state needs at the very least, in bytes. */
const PROBE = Buffer.alloc(64 * 1024, 1);

/**
 * Nothing is acknowledged that could not be written down: the places are made, and written to once.
 * @throws VolumeError `denied` (no permission), `unavailable` (read-only), `exhausted` (full), naming the directory
 */
export function preflight(paths: Paths): void {
  makePlaces(paths, ['lib', 'state', 'run']);
  for (const [what, dir] of [
    ['state', paths.state],
    ['run', paths.run],
  ] as const) {
    try {
      writeOnce(dir);
    } catch (cause) {
      throw refused(what, dir, cause);
    }
  }
}

function writeOnce(dir: string): void {
  const file = join(dir, `.probe-${process.pid}`);
  const fd = openSync(file, 'w', 0o600);
  try {
    if (writeSync(fd, PROBE) < PROBE.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    fsyncSync(fd);
  } finally {
    closeSync(fd);
    rmSync(file, { force: true });
  }
}

function refused(what: string, dir: string, cause: unknown): VolumeError {
  const found = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const moves = `Set REXRAY_HOME${what === 'state' ? '_LIB' : '_RUN'} or REXRAY_HOME to move it.`;
  if (found === 'ENOSPC' || found === 'EDQUOT')
    return new VolumeError('exhausted', `The ${what} directory ${dir} is full (${found}).`, {
      details: {},
      hint: `Free some space on its file system. ${moves}`,
      cause,
    });
  if (found === 'EROFS')
    return new VolumeError('unavailable', `The ${what} directory ${dir} is on a read-only file system.`, {
      details: { found },
      hint: `Mount it for writing. ${moves}`,
      cause,
    });
  if (found === 'EACCES' || found === 'EPERM')
    return new VolumeError('denied', `The ${what} directory ${dir} cannot be written to (${found}).`, {
      details: { rule: 'permissions of the directory', found, where: dir },
      hint: `Run it as the user that owns it; mostly that is root. ${moves}`,
      cause,
    });
  return new VolumeError('unavailable', `The ${what} directory ${dir} cannot be used (${found}).`, {
    details: { found },
    hint: moves,
    cause,
  });
}
