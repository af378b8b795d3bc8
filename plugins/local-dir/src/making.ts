/**
 * How a volume comes and goes. Its name is taken by one rename of a prepared directory to `.rexray/<name>`; as long as
 * that holds `making` or `removing`, it is no volume. Whoever finds the mark of a dead process finishes or undoes its work.
 */
import { basename, relative } from 'node:path';
import type { Ctx } from '@rexray/core';
import { removeTree } from './children.ts';
import { beingMade, taken } from './errors.ts';
import * as files from './files.ts';
import { KNOWN, MAKING, newIncarnation, REMOVING, recordFile, TMP, TRASH } from './layout.ts';
import type { Place } from './place.ts';
import { isDead } from './process.ts';
import { type Stored, scan, sidecar } from './sidecar.ts';

interface Mark {
  readonly token: string;
  /** Directory, below the place, that becomes the content; absent = a new empty one. */
  readonly from?: string;
  /** Inode of the directory that is meant: of `from`, or of the content that is removed. Nothing else is acted upon. */
  readonly ino?: string;
}

export interface Making {
  readonly place: Place;
  readonly name: string;
  readonly stored: Omit<Stored, 'nonce'>;
  /** Directory that becomes the content: a finished copy, or a foreign directory that is adopted. */
  readonly from?: string;
  /** The last moment at which nothing is lost by stopping. */
  readonly ctx: Ctx;
  prepare?(dir: string): Promise<void>;
}

/** @throws VolumeError `already_exists` for what is not ours, `busy` where another process came first or goes just now */
export async function assertFree(place: Place, name: string): Promise<void> {
  const there = async (): Promise<boolean> => (await files.stat(place.path(name))) !== undefined;
  if (!(await there())) return;
  // Ours always has its entry before its directory, and loses it after.
  if ((await scan(place, name)) !== undefined || !(await there())) throw beingMade(name);
  throw taken(name, 'a directory or file that is not ours');
}

/** @returns the incarnation @throws VolumeError `busy` when the name is being made, `already_exists` when a directory has it */
export async function commit(m: Making): Promise<string> {
  const { place, name } = m;
  const inPlace = m.from === place.path(name);
  const inc = newIncarnation();
  const tmp = place.scratch();
  const mark: Mark = {
    token: place.token,
    ...(m.from !== undefined && { from: relative(place.root, m.from), ...(await inode(m.from)) }),
  };
  try {
    await files.makeDir(tmp, 0o700);
    await files.makeFile(`${tmp}/id.${inc}`, '');
    await files.makeFile(`${tmp}/${recordFile(1)}`, JSON.stringify({ ...m.stored, nonce: inc }));
    if (!inPlace) await files.makeFile(`${tmp}/${MAKING}`, JSON.stringify(mark));
    if (!inPlace) await assertFree(place, name);
    m.ctx.signal.throwIfAborted();
    await place.verify();
    if (!(await files.moveDir(tmp, sidecar(place, name)))) throw beingMade(name);
    await files.syncDir(place.path(KNOWN));
  } catch (e) {
    await removeTree(tmp, 10_000).catch(() => undefined);
    throw e;
  }
  if (!inPlace) await fill(m);
  return inc;
}

async function fill(m: Making): Promise<void> {
  const { place, name } = m;
  const dir = place.path(name);
  let reserved = false;
  try {
    reserved = await files.makeDir(dir, 0o755);
    if (!reserved) throw taken(name, 'a directory that is not ours');
    // An empty directory of our own gives way to the content, in one step.
    if (m.from !== undefined && !(await files.moveDir(m.from, dir))) throw taken(name, 'a directory that is not empty');
    await m.prepare?.(dir);
    await files.syncDir(place.root);
    await files.drop(sidecar(place, name, MAKING));
    await files.syncDir(sidecar(place, name));
  } catch (e) {
    if (reserved && m.from === undefined) await files.dropEmptyDir(dir);
    if (reserved && m.from !== undefined && (await files.stat(m.from)) === undefined) await files.moveAway(dir, m.from);
    await forget(place, name);
    throw e;
  }
}

/** The name is free again; the content is not touched. */
async function forget(place: Place, name: string): Promise<void> {
  const trash = place.scratch(TRASH);
  if (!(await files.moveAway(sidecar(place, name), trash))) return;
  await files.syncDir(place.path(KNOWN));
  await removeTree(trash, 10_000).catch(() => undefined);
}

const inode = async (dir: string): Promise<{ ino?: string }> => {
  const st = await files.stat(dir);
  return st?.isDirectory() === true ? { ino: String(st.ino) } : {};
};

/** Content first, then its name: what is left in between is marked. Giving the blocks back may take long and is no part of it. */
export async function discard(place: Place, name: string, ino: string | undefined): Promise<void> {
  const trash = place.scratch(TRASH);
  const dir = place.path(name);
  if (ino !== undefined && (await inode(dir)).ino === ino) await files.moveAway(dir, trash);
  await files.syncDir(place.root);
  await forget(place, name);
  await removeTree(trash, 60_000).catch(() => undefined);
}

/** @returns the inode of what is to be removed; undefined where another process removes it */
export async function markRemoving(place: Place, name: string): Promise<{ readonly ino?: string } | undefined> {
  const tmp = place.scratch();
  const what = await inode(place.path(name));
  try {
    await files.makeFile(tmp, JSON.stringify({ token: place.token, ...what } satisfies Mark));
    return (await files.hardLink(tmp, sidecar(place, name, REMOVING))) ? what : undefined;
  } finally {
    await files.drop(tmp);
  }
}

/**
 * Ends what a dead process of this node was doing with a name.
 * @returns what became of it; undefined = there is nothing to end, or its process may live
 */
export async function settleDead(
  place: Place,
  name: string,
  node: string,
  bootId: string,
): Promise<string | undefined> {
  const s = await scan(place, name);
  if (s === undefined || !(s.making || s.removing)) return undefined;
  const text = await files.readText(sidecar(place, name, s.removing ? REMOVING : MAKING));
  if (text === undefined) return undefined;
  const mark = JSON.parse(text) as Mark;
  if (!(await isDead(mark.token, node, bootId))) return undefined;
  if (s.removing) await discard(place, name, mark.ino);
  else if (mark.ino !== undefined && (await inode(place.path(name))).ino === mark.ino) {
    // Its content had got its name: only the mark was left to take away.
    await files.drop(sidecar(place, name, MAKING));
    return undefined;
  } else {
    await files.dropEmptyDir(place.path(name));
    await forget(place, name);
  }
  return name;
}

/** Half-made and removed things of dead processes of this node. @returns their names */
export async function sweepScratch(place: Place, node: string, bootId: string): Promise<string[]> {
  const swept: string[] = [];
  for (const where of [TMP, TRASH]) {
    for (const e of (await files.entries(place.path(where))) ?? []) {
      if (!(await isDead(e, node, bootId))) continue;
      await removeTree(place.path(where, basename(e)), 60_000);
      swept.push(`${where}/${e}`);
    }
  }
  return swept;
}
