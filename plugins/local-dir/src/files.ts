/** File calls that are durable when they return, and that answer absence as a value. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, readFile, rename, rmdir, unlink } from 'node:fs/promises';

export const errnoOf = (e: unknown): string | undefined => {
  const code = (e as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

async function unless<T>(p: Promise<T>, ...absent: string[]): Promise<T | undefined> {
  try {
    return await p;
  } catch (e) {
    if (absent.includes(errnoOf(e) ?? '')) return undefined;
    throw e;
  }
}

/** Of the thing itself, never of what a symbolic link points to. */
export const stat = (path: string): Promise<BigIntStats | undefined> => unless(lstat(path, { bigint: true }), 'ENOENT');
export const readText = (path: string): Promise<string | undefined> => unless(readFile(path, 'utf8'), 'ENOENT');
export const entries = (path: string): Promise<string[] | undefined> => unless(readdir(path), 'ENOENT', 'ENOTDIR');

const isTrue = async (p: Promise<void>, ...no: string[]): Promise<boolean> =>
  (await unless(
    p.then(() => true),
    ...no,
  )) ?? false;

/** @returns false when something of that name is there */
export const makeDir = (path: string, mode: number): Promise<boolean> => isTrue(mkdir(path, { mode }), 'EEXIST');
/** @returns false when the new name is taken */
export const hardLink = (from: string, to: string): Promise<boolean> => isTrue(link(from, to), 'EEXIST');
/** A directory onto a name that is free or an empty directory. @returns false when the name is taken */
export const moveDir = (from: string, to: string): Promise<boolean> =>
  isTrue(rename(from, to), 'EEXIST', 'ENOTEMPTY', 'ENOTDIR');
/** @returns false when there was nothing to move */
export const moveAway = (from: string, to: string): Promise<boolean> => isTrue(rename(from, to), 'ENOENT');
export const drop = (path: string): Promise<boolean> => isTrue(unlink(path), 'ENOENT');
/** @returns false when it is not empty, or absent */
export const dropEmptyDir = (path: string): Promise<boolean> =>
  isTrue(rmdir(path), 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR');

async function withFile(path: string, flags: string, body: (f: FileHandle) => Promise<void>): Promise<void> {
  const f = await open(path, flags, 0o600);
  try {
    await body(f);
    await f.sync();
  } finally {
    await f.close();
  }
}

/** A new file, on the disk. */
export const makeFile = (path: string, text: string): Promise<void> => withFile(path, 'wx', (f) => f.writeFile(text));

/** The names in a directory are on the disk. */
export const syncDir = (path: string): Promise<void> => withFile(path, 'r', async () => undefined);
