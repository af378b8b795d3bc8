/** The directory of the state: where it may be, whose it is, who works on its files. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Descriptors, VolumeError } from '@rexray/core';

/** `f_type` of file systems where a memory map and a lock are not shared by all who open the file, or which may hang. */
const REMOTE: Readonly<Record<number, string>> = {
  26985: 'nfs',
  4283649346: 'cifs',
  4266872130: 'smb2',
  20859: 'smb',
  1702057286: 'fuse',
  12805120: 'ceph',
  1397113167: 'afs',
  1799439955: 'kafs',
  1937076805: 'coda',
  198183888: 'lustre',
  1196443219: 'gpfs',
  18225520: 'gfs2',
  1952539503: 'ocfs2',
  2020557398: 'vboxsf',
  428016422: 'beegfs',
  22092: 'ncp',
  16914839: '9p',
};

/**
 * Makes the directory (0700) or checks the one that is there.
 * @throws VolumeError `invalid` on a network file system, `denied` where another user owns it
 */
export function preparePlace(dir: string): void {
  assertLocal(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const st = statSync(dir);
  const me = process.geteuid?.() ?? st.uid;
  if (st.uid !== me) {
    throw new VolumeError(
      'denied',
      `The state directory ${dir} belongs to user ${st.uid}, this program runs as ${me}.`,
      {
        details: { rule: 'the state directory is its user’s own', found: `owner ${st.uid}`, where: dir },
        hint: 'Run as that user, or name another state directory.',
      },
    );
  }
  if ((st.mode & 0o077) !== 0) chmodSync(dir, 0o700);
}

/** The name of a file system that is not local; undefined = local. */
export const remoteKind = (type: number): string | undefined => REMOTE[type >>> 0];

function assertLocal(dir: string): void {
  const type = remoteKind(fileSystemType(dir));
  if (type === undefined) return;
  throw new VolumeError('invalid', `The state directory ${dir} is on ${type}, a network or user-space file system.`, {
    details: { path: 'dir', value: dir, expected: 'a directory on a local file system' },
    hint: 'Node state needs a local disk (ext4, xfs, btrfs, tmpfs): move it, for instance with REXRAY_HOME_LIB.',
  });
}

/** `f_type` of the deepest directory of the path that exists. */
function fileSystemType(dir: string): number {
  for (let at = dir; ; at = dirname(at)) {
    try {
      return statfsSync(at).type;
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw e;
    }
  }
}

/** Makes renames and new files in it durable. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Runs `body` while no other process makes or replaces the state; the lock ends with the process. @throws VolumeError `busy` */
export async function alone<T>(dir: string, d: Descriptors, body: () => Promise<T>, waitMs = 10_000): Promise<T> {
  const fd = openSync(join(dir, 'setup.lock'), 'a', 0o600);
  try {
    const until = performance.now() + waitMs;
    for (let pause = 1; !d.tryLock(fd); pause = Math.min(pause * 2, 25)) {
      if (performance.now() > until) {
        throw new VolumeError('busy', `Another process has been setting up the state in ${dir} for ${waitMs} ms.`, {
          details: { op: 'open state', retryAfterMs: 1000 },
          hint: `Try again; "fuser ${join(dir, 'setup.lock')}" names that process.`,
        });
      }
      await sleep(pause);
    }
    return await body();
  } finally {
    closeSync(fd);
  }
}
