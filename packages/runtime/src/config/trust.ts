/** S23: what root executes comes from places that only root can change. */
import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { VolumeError } from '@rexray/core';

const STICKY = 0o1000;

/**
 * Why a file or directory must not be executed from, or undefined when it may be: it and every directory above it belong
 * to root or `uid`, and nobody else may write there. A sticky directory (/tmp) counts as safe for what is below it, since
 * others cannot replace that; what is *in* it is judged by its own owner.
 */
export function distrust(path: string, uid: number = process.geteuid?.() ?? 0): string | undefined {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return `${path} does not exist`;
  }
  for (let p = real; ; p = dirname(p)) {
    const why = blame(p, lstatSync(p), uid, p === real);
    if (why !== undefined) return why;
    if (dirname(p) === p) return undefined;
  }
}

function blame(path: string, s: Stats, uid: number, self: boolean): string | undefined {
  if (s.uid !== 0 && s.uid !== uid) return `${path} belongs to uid ${s.uid}`;
  const sticky = !self && s.isDirectory() && (s.mode & STICKY) !== 0;
  if ((s.mode & 0o022) !== 0 && !sticky)
    return `${path} may be written by others (mode ${(s.mode & 0o7777).toString(8)})`;
  return undefined;
}

/** @throws VolumeError `denied` (rule S23) when root would execute something that others can change. Others run what they like. */
export function assertTrusted(path: string, what: string, root: boolean): void {
  if (!root) return;
  const found = distrust(path);
  if (found === undefined) return;
  throw new VolumeError('denied', `${what} ${path} is not run as root: ${found}.`, {
    details: { rule: 'S23', found, where: path },
    hint: 'Make it and the directories above it belong to root, with no write permission for group and others (chmod go-w).',
  });
}
