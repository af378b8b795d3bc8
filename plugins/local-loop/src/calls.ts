/**
 * The file calls that everything here is made of, so that a test can count them and end the process at any one of them.
 * Two kinds: `direct` calls block the thread (a local disk answers metadata in microseconds, a pool thread costs ten
 * times that); `pooled` ones do not, for a directory on a network that may be slow or gone. Both leave waiting for a
 * hung file system to the worker process that `traits.blocking` asks for (S15).
 */
import fs, { type BigIntStats } from 'node:fs';
import fsp from 'node:fs/promises';
import { errnoCode } from '@rexray/kernel';
import { type CopyControl, cloneFile, copySparse } from './copy.ts';

/** Of each mutating call: durable only where it says so; a directory entry is durable after {@link Calls.syncDir}. */
export interface Calls {
  /** undefined = absent. */
  entries(dir: string): Promise<readonly string[] | undefined>;
  /** Symbolic links are not followed; undefined = absent. */
  stat(path: string): Promise<BigIntStats | undefined>;
  readText(path: string): Promise<string | undefined>;
  readLink(path: string): Promise<string | undefined>;
  /** @returns false = it was there */
  makeDir(path: string): Promise<boolean>;
  /** A new file, mode 0600, durable: with this text, or of this size and all hole. @throws `EEXIST` */
  makeFile(path: string, content: { readonly text: string } | { readonly sizeBytes: number }): Promise<void>;
  /** An empty one whose name is all it says; durable with its directory. */
  makeMark(path: string): Promise<void>;
  /** Exclusive and atomic with its content, and durable with its directory: one flush where a file needs two. @returns false = it was there */
  makeSymlink(target: string, path: string): Promise<boolean>;
  /** @returns false = `to` was there */
  hardLink(from: string, to: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** Of a directory, onto nothing. @returns false = something is there */
  renameNew(from: string, to: string): Promise<boolean>;
  /** Absent = ok. @returns false = it was absent */
  unlink(path: string): Promise<boolean>;
  syncDir(path: string): Promise<void>;
  /** Grow only, durable. @returns the inode that was grown, and its size now */
  grow(path: string, sizeBytes: number): Promise<BigIntStats>;
  /** FICLONE into a new file, durable. @throws `EOPNOTSUPP`, `EEXIST` */
  clone(from: string, to: string): Promise<void>;
  /** The data extents into a new sparse file, durable. */
  copy(from: string, to: string, control: CopyControl): Promise<void>;
  removeTree(path: string): Promise<void>;
  /** Only if nothing is in it. */
  removeEmptyDir(path: string): Promise<void>;
}

type Raw = {
  readdir(p: string): Promise<string[]>;
  lstat(p: string): Promise<BigIntStats>;
  readFile(p: string): Promise<string>;
  readlink(p: string): Promise<string>;
  mkdir(p: string): Promise<void>;
  symlink(target: string, p: string): Promise<void>;
  link(a: string, b: string): Promise<void>;
  rename(a: string, b: string): Promise<void>;
  unlink(p: string): Promise<void>;
  mark(p: string): Promise<void>;
  syncDir(p: string): Promise<void>;
  write(p: string, c: { readonly text: string } | { readonly sizeBytes: number }): Promise<void>;
};

const big = { bigint: true } as const;
const MODE = 0o600;

const blocking: Raw = {
  readdir: async (p) => fs.readdirSync(p),
  lstat: async (p) => fs.lstatSync(p, big),
  readFile: async (p) => fs.readFileSync(p, 'utf8'),
  readlink: async (p) => fs.readlinkSync(p),
  mkdir: async (p) => fs.mkdirSync(p, 0o700),
  symlink: async (t, p) => fs.symlinkSync(t, p),
  link: async (a, b) => fs.linkSync(a, b),
  rename: async (a, b) => fs.renameSync(a, b),
  unlink: async (p) => fs.unlinkSync(p),
  mark: async (p) => fs.closeSync(fs.openSync(p, 'wx', MODE)),
  syncDir: async (p) => {
    const fd = fs.openSync(p, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  write: async (p, c) => {
    const fd = fs.openSync(p, 'wx', MODE);
    try {
      if ('text' in c) fs.writeFileSync(fd, c.text);
      else fs.ftruncateSync(fd, c.sizeBytes);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
};

async function opened<T>(p: string, flags: string, f: (h: fsp.FileHandle) => Promise<T>): Promise<T> {
  const h = await fsp.open(p, flags, MODE);
  try {
    return await f(h);
  } finally {
    await h.close();
  }
}

const threaded: Raw = {
  readdir: (p) => fsp.readdir(p),
  lstat: (p) => fsp.lstat(p, big),
  readFile: (p) => fsp.readFile(p, 'utf8'),
  readlink: (p) => fsp.readlink(p),
  mkdir: (p) => fsp.mkdir(p, 0o700),
  symlink: (t, p) => fsp.symlink(t, p),
  link: (a, b) => fsp.link(a, b),
  rename: (a, b) => fsp.rename(a, b),
  unlink: (p) => fsp.unlink(p),
  mark: (p) => opened(p, 'wx', async () => undefined),
  syncDir: (p) => opened(p, 'r', (h) => h.sync()),
  write: (p, c) =>
    opened(p, 'wx', async (h) => {
      if ('text' in c) await h.writeFile(c.text);
      else await h.truncate(c.sizeBytes);
      await h.sync();
    }),
};

const is = (e: unknown, ...codes: string[]): boolean => codes.includes(errnoCode(e) ?? '');

/** An error of one of these codes is an answer, not a failure. */
async function unless<T, U>(p: Promise<T>, answer: U, ...codes: string[]): Promise<T | U> {
  try {
    return await p;
  } catch (e) {
    if (is(e, ...codes)) return answer;
    throw e;
  }
}

const done = async (p: Promise<void>, ...codes: string[]): Promise<boolean> =>
  (await unless(
    p.then(() => true),
    false,
    ...codes,
  )) as boolean;

function over(raw: Raw): Calls {
  const absent = ['ENOENT', 'ENOTDIR'] as const;
  return {
    entries: (p) => unless(raw.readdir(p), undefined, ...absent),
    stat: (p) => unless(raw.lstat(p), undefined, ...absent),
    readText: (p) => unless(raw.readFile(p), undefined, ...absent),
    readLink: (p) => unless(raw.readlink(p), undefined, ...absent, 'EINVAL'),
    makeDir: (p) => done(raw.mkdir(p), 'EEXIST'),
    makeFile: (p, c) => raw.write(p, c),
    makeMark: (p) => raw.mark(p),
    makeSymlink: (t, p) => done(raw.symlink(t, p), 'EEXIST'),
    hardLink: (a, b) => done(raw.link(a, b), 'EEXIST'),
    rename: (a, b) => raw.rename(a, b),
    renameNew: (a, b) => done(raw.rename(a, b), 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY'),
    unlink: (p) => done(raw.unlink(p), ...absent),
    syncDir: (p) => raw.syncDir(p),
    grow: (p, sizeBytes) =>
      opened(p, 'r+', async (h) => {
        if ((await h.stat(big)).size < BigInt(sizeBytes)) {
          await h.truncate(sizeBytes);
          await h.sync();
        }
        return h.stat(big);
      }),
    clone: cloneFile,
    copy: copySparse,
    removeEmptyDir: async (p) => void (await done(fsp.rmdir(p), 'ENOTEMPTY', 'EEXIST', 'ENOENT')),
    removeTree: (p) => fsp.rm(p, { recursive: true, force: true }),
  };
}

export const directCalls: Calls = over(blocking);
export const pooledCalls: Calls = over(threaded);
