import { dirname } from 'node:path';
import { type Ctx, notFound, VolumeError } from '@rexray/core';
import type { Claim } from './claims.ts';
import type { Loaded, Volumes } from './client.ts';
import { attachedTo, beingWorkedOn, severalNames } from './errors.ts';
import { TMP, TRASH, toId } from './layout.ts';
import { leftByTheDead } from './process.ts';

export interface Self {
  readonly node: string;
  readonly boot: string;
}

/** A note beside the half-made things, from which a sweep gives back the claim of a process that died (S12). */
interface Note {
  readonly name: string;
  /** `adopt`: the name that the image has besides its new one. */
  readonly from?: string;
}

/** A claim under which this process does something to the volume that nobody may see half done. */
export interface Work {
  readonly claim: Claim;
  done(): Promise<void>;
}

/** @throws VolumeError `in_use` while it is attached anywhere, `busy` while somebody else works on it */
export async function begin(volumes: Volumes, found: Loaded, self: Self, op: 'remove' | 'copy'): Promise<Work> {
  const { claims, calls, place } = volumes;
  const v = await finished(volumes, found, self);
  const present = v.claim;
  if (present?.kind === 'attach') throw attachedTo(v.name, present, 'Detach it there first.');
  if (present?.kind === 'work' && !leftByTheDead(present.token ?? '', self.node, self.boot)) {
    throw beingWorkedOn(v.name, present);
  }
  if (op === 'copy') assertOneName(v);
  const note = await leaveNote(volumes, { name: v.name });
  const taken = await claims.take(v.name, v.scan, {
    kind: 'work',
    node: self.node,
    boot: self.boot,
    op,
    token: place.token,
    ...(present?.unfenced === true && { unfenced: true }),
  });
  if (taken === undefined) {
    await calls.unlink(note);
    throw new VolumeError('busy', `Volume "${v.name}" was claimed by somebody else at the same time.`, {
      details: { op, retryAfterMs: 50 },
      hint: 'Try again.',
    });
  }
  return { claim: taken.claim, done: () => end(volumes, v, taken.claim, note) };
}

const NOTE = '.note';

/** Written before the claim that it is about: a claim without a note would stay until its node attaches the volume. */
export async function leaveNote(volumes: Volumes, note: Note): Promise<string> {
  const path = `${volumes.place.scratch()}${NOTE}`;
  await volumes.place.withSpare(() => volumes.calls.makeSymlink(JSON.stringify(note), path));
  return path;
}

async function end(volumes: Volumes, v: Loaded, claim: Claim, note: string): Promise<void> {
  if (await volumes.claims.holds(v.name, v.scan.inc, claim)) await volumes.claims.release(v.name, v.scan.inc, claim);
  await volumes.calls.unlink(note);
}

/** Post-state: absent. It leaves its name in one step; its blocks are given back from the trash, by a sweep if this process dies (S12). */
export async function remove(volumes: Volumes, v: Loaded, self: Self, ctx: Pick<Ctx, 'signal'>): Promise<void> {
  const { calls, place } = volumes;
  const work = await begin(volumes, v, self, 'remove');
  const trash = place.scratch(TRASH);
  try {
    ctx.signal.throwIfAborted();
    await calls.rename(place.path(v.name), trash);
  } catch (e) {
    await work.done();
    throw e;
  }
  await calls.syncDir(place.root);
  await calls.removeTree(trash);
  await work.done();
  await place.keepSpare();
}

/** An adoption that did not come to its end, of whatever process. */
const halfAdopted = (v: Loaded): boolean => v.claim?.kind === 'work' && v.claim.op === 'adopt';

/**
 * The volume as it is once an adoption that a dead process of this node left half-way is finished. A process that was open
 * before meets one: it has swept long ago, and must not use an image that has its old name still.
 * @throws VolumeError `not_found` removed meanwhile
 */
export async function finished(volumes: Volumes, v: Loaded, self: Self): Promise<Loaded> {
  if (!halfAdopted(v) || !leftByTheDead(v.claim?.token ?? '', self.node, self.boot)) return v;
  await sweep(volumes, self, [TMP]);
  const now = await volumes.load(v.name);
  if (now?.scan.inc !== v.scan.inc) throw notFound('Volume', toId(v.name, v.scan.inc));
  return now;
}

/** Pre-state: {@link finished}. @throws VolumeError `denied` when somebody else has adopted its image: two volumes would write it */
export function assertOneName(v: Loaded): void {
  if (halfAdopted(v) && v.image.nlink !== 1n)
    throw severalNames(
      v.name,
      v,
      'Somebody else adopted it as well: remove this volume; the data stays under its other name.',
    );
}

/**
 * Finishes or takes back what dead processes of this node left: half-made things, claims for work, the trash.
 * @returns what was removed, for people
 */
export async function sweep(volumes: Volumes, self: Self, places: readonly string[] = [TMP, TRASH]): Promise<string[]> {
  const { calls, place } = volumes;
  const swept: string[] = [];
  for (const where of places) {
    for (const entry of (await calls.entries(place.path(where))) ?? []) {
      if (!leftByTheDead(entry, self.node, self.boot)) continue;
      const path = place.path(where, entry);
      const note = entry.endsWith(NOTE) ? await calls.readLink(path) : undefined;
      if (note !== undefined) await endFor(volumes, note, entry);
      await calls.removeTree(path);
      swept.push(`${where}/${entry}`);
    }
  }
  return swept;
}

/** What a dead process would have done at the end of its work. */
async function endFor(volumes: Volumes, text: string, entry: string): Promise<void> {
  const note = JSON.parse(text) as Note;
  const v = await volumes.load(note.name);
  if (v?.claim?.kind !== 'work' || !entry.startsWith(`${v.claim.token}-`)) return;
  if (note.from !== undefined && !(await onlyName(volumes, v, note.from))) return;
  await volumes.claims.release(v.name, v.scan.inc, v.claim);
}

/**
 * Removes the name that an image had before it was adopted. Whoever removes it has the image.
 * @returns false when somebody else did, and the image is theirs as well
 */
export async function onlyName(volumes: Volumes, v: Loaded, from: string): Promise<boolean> {
  const { calls, place } = volumes;
  const old = await calls.stat(place.path(from));
  const same = old !== undefined && old.ino === v.image.ino && old.dev === v.image.dev;
  if (same && (await calls.unlink(place.path(from)))) {
    if (from.includes('/')) await calls.removeEmptyDir(place.path(dirname(from)));
    return true;
  }
  return (await calls.stat(v.imagePath))?.nlink === 1n;
}
