import { readFile, realpath } from 'node:fs/promises';
import type { Bytes, Logger } from '@rexray/core';
import { xfsQuota } from './children.ts';
import * as files from './files.ts';

const MS = 15_000;

/** Limits of directories by project quotas of xfs and ext4. */
export interface Quota {
  /** Gives a directory its own project and limit; repeated, it changes the limit. */
  limit(dir: string, sizeBytes: Bytes): Promise<void>;
}

/**
 * Where limits can be enforced: root, a file system mounted with `prjquota`, and xfs_quota, proven by a look at the quota.
 * @returns undefined where they cannot: then sizes are recorded only.
 */
export async function probeQuota(root: string, log: Logger): Promise<Quota | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const at = await mountOf(root);
  if (at === undefined || !['xfs', 'ext4'].includes(at.fsType) || !/(^|,)(prjquota|pquota)(,|$)/.test(at.options))
    return undefined;
  // xfs_quota splits its commands at blanks.
  if (/[\s"]/.test(root) || /[\s"]/.test(at.target)) return undefined;
  try {
    const state = await xfsQuota('state -p', at, MS);
    if (!/Enforcement: ON/.test(state)) return undefined;
  } catch (e) {
    log.info({ root, err: String(e) }, 'project quotas are mounted and cannot be used: sizes are recorded only');
    return undefined;
  }
  return {
    async limit(dir, sizeBytes) {
      const project = Number(((await files.stat(dir))?.ino ?? 0n) & 0x7fff_ffffn);
      if (project === 0) throw Object.assign(new Error(`ENOENT: ${dir}`), { code: 'ENOENT' });
      await xfsQuota(`project -s -p ${dir} ${project}`, at, MS);
      await xfsQuota(`limit -p bhard=${sizeBytes} ${project}`, at, MS);
    },
  };
}

interface MountRow {
  readonly target: string;
  readonly fsType: string;
  readonly options: string;
}

async function mountOf(path: string): Promise<MountRow | undefined> {
  const real = await realpath(path);
  let best: MountRow | undefined;
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const target = unescaped(before.split(' ')[4] ?? '');
    const [fsType = '', , options = ''] = after.split(' ');
    const covers = real === target || real.startsWith(target === '/' ? '/' : `${target}/`);
    // Of mounts upon each other at one place, the last one is seen.
    if (target !== '' && covers && target.length >= (best?.target.length ?? 0)) best = { target, fsType, options };
  }
  return best;
}

const unescaped = (s: string): string =>
  s.replace(/\\([0-7]{3})/g, (_, o: string) => String.fromCharCode(Number.parseInt(o, 8)));
