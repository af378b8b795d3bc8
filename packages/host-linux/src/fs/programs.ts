import { VolumeError } from '@rexray/core';

/**
 * Runs one program to its end. Output is text, in the C locale; a negative exit code is a signal. Rejects with `timeout` when the deadline passed and with anything that
 * carries `code: 'ENOENT'` (or exits 127, as setpriv does) when the program is not there.
 */
export type RunChild = (
  file: string,
  args: readonly string[],
  o: { timeoutMs: number; input?: string },
) => Promise<{ exitCode: number; stdout: string; stderr: string }>;

/** What every function here that needs a child takes. */
export interface Tools {
  readonly run: RunChild;
  /** For one child. */
  readonly timeoutMs: number;
  /**
   * Where undo files of e2fsck and resize2fs stand meanwhile: what stands there is written to disks, so it is nobody
   * else's (0700), and one that a killed process left is looked for here by the next, so it outlives processes.
   */
  readonly scratchDir: string;
  /** A name in it for what only this caller uses, and whoever has the same lock after it. */
  readonly scratchName: string;
}

/** Programs of this directory, with the Debian package that brings each. */
export const FS_PROGRAMS = {
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  e2undo: 'e2fsprogs',
  tune2fs: 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_admin: 'xfsprogs',
  xfs_repair: 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  btrfstune: 'btrfs-progs',
  btrfs: 'btrfs-progs',
  blkid: 'util-linux',
  wipefs: 'util-linux',
  fsfreeze: 'util-linux',
} as const satisfies Record<string, string>;
export type FsProgram = keyof typeof FS_PROGRAMS;

export interface Said {
  readonly exitCode: number;
  /** Both streams, trimmed. */
  readonly text: string;
}

export const missingProgram = (program: FsProgram, cause?: unknown): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `The program ${program} is not installed on this node.`, {
    details: { expected: program },
    hint: `Install the package ${FS_PROGRAMS[program]} (Debian: apt-get install ${FS_PROGRAMS[program]}).`,
    cause,
  });

const isMissing = (e: unknown): boolean => {
  const { code, cause } = (e ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return code === 'ENOENT' || cause?.code === 'ENOENT';
};

/**
 * @param o.environment `NAME=value`, set by env(1), which becomes the program: it stays one child with one pid
 * @throws `unavailable` naming the package of a missing program, or killed by a signal; whatever else `run` throws
 */
export async function runProgram(
  tools: Tools,
  program: FsProgram,
  args: readonly string[],
  o: { readonly timeoutMs?: number; readonly environment?: readonly string[] } = {},
): Promise<Said> {
  let out: Awaited<ReturnType<RunChild>>;
  const [file, argv] = o.environment ? (['env', [...o.environment, program, ...args]] as const) : [program, args];
  try {
    out = await tools.run(file, argv, { timeoutMs: o.timeoutMs ?? tools.timeoutMs });
  } catch (e) {
    throw isMissing(e) ? missingProgram(program, e) : e;
  }
  if (out.exitCode === 127) throw missingProgram(program);
  if (out.exitCode < 0) {
    throw new VolumeError('unavailable', `${program} was killed by a signal before it had finished.`, {
      details: { found: 'killed' },
    });
  }
  return { exitCode: out.exitCode, text: `${out.stdout}\n${out.stderr}`.trim() };
}

/** The first lines that say something, for a message; versions and empty lines left out. */
export const firstLines = (text: string, count = 6): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^\w+(?:\.\w+)? \d[\d.]*\d \(\d+-\w+-\d+\)$/.test(line))
    .slice(0, count)
    .join(' · ');

const BUSY = /is mounted|in use|device or resource busy|contains a mounted|apparently in use/i;
const IO = /input\/output error|no such device|short read|short write/i;
const FULL = /no space left|disk quota exceeded/i;

/** A failed program as an error: the reasons that callers act on are told apart, the rest is `internal` with what it said. */
export function programError(program: FsProgram, path: string, said: Said): VolumeError {
  const what = `${program} failed on ${path} (exit ${said.exitCode}): ${firstLines(said.text) || 'it said nothing'}.`;
  if (BUSY.test(said.text)) return new VolumeError('in_use', what, { details: {} });
  if (FULL.test(said.text)) return new VolumeError('exhausted', what, { details: {} });
  if (IO.test(said.text)) {
    return new VolumeError('unavailable', what, {
      details: { found: firstLines(said.text, 2) },
      hint: 'Look at the kernel log (dmesg) for errors of the device.',
    });
  }
  return new VolumeError('internal', what, { details: { step: program } });
}
