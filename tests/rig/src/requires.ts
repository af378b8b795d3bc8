import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

export interface Requirements {
  /** Mounting and loop devices. */
  readonly root?: boolean;
  readonly loop?: boolean;
  /** Programs on PATH, with the Debian package that brings each: `{ 'mkfs.xfs': 'xfsprogs' }`. */
  readonly programs?: Readonly<Record<string, string>>;
  /** New mount, network and uts namespaces. */
  readonly namespaces?: boolean;
}

const onPath = (program: string): boolean =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** What is missing here, as a sentence with the way to get it; undefined = nothing. */
export function missing(r: Requirements): string | undefined {
  const lacks: string[] = [];
  if ((r.root ?? r.loop ?? r.namespaces) && process.getuid?.() !== 0) lacks.push('root');
  if (r.loop) {
    try {
      accessSync('/dev/loop-control', constants.R_OK | constants.W_OK);
    } catch {
      lacks.push('loop devices (/dev/loop-control)');
    }
  }
  for (const [program, pkg] of Object.entries(r.programs ?? {})) {
    if (!onPath(program)) lacks.push(`${program} (apt-get install ${pkg})`);
  }
  if (r.namespaces && lacks.length === 0) {
    try {
      execFileSync('unshare', ['-m', '-n', '-u', 'true'], { stdio: 'ignore' });
    } catch {
      lacks.push('namespaces (unshare -m -n -u)');
    }
  }
  return lacks.length === 0 ? undefined : `needs ${lacks.join(', ')}`;
}

/** A describe that says in its name why it is skipped; under CI a missing requirement is a failure, never a skip. */
export function suite(name: string, r: Requirements, body: () => void): void {
  const why = missing(r);
  if (why === undefined) describe(name, body);
  else if (process.env.CI === 'true') {
    describe(name, () => {
      throw new Error(`${name}: ${why}; under CI this suite must run`);
    });
  } else describe.skip(`${name} [skipped: ${why}]`, body);
}

export const XFS = { 'mkfs.xfs': 'xfsprogs' } as const;
export const BTRFS = { 'mkfs.btrfs': 'btrfs-progs' } as const;
export const EXT4 = { 'mkfs.ext4': 'e2fsprogs' } as const;
