import { type InitialRecord, notFound, VolumeError } from '@rexray/core';
import type { Foreign, Loaded, Volumes } from './client.ts';
import { attachedTo, beingWorkedOn, severalNames, taken } from './errors.ts';
import { IMAGE, parseId, TMP, toId } from './layout.ts';
import { leaveNote, onlyName, type Self, sweep } from './work.ts';

/**
 * Makes a foreign image a volume. Again is the same, also after a process that died at any step of it: what that left is
 * finished or taken back first.
 * @throws VolumeError `not_found`; `already_exists` the name is another's; `busy` somebody else is adopting it; `denied` it has several names
 */
export async function adopt(
  volumes: Volumes,
  id: string,
  name: string,
  record: InitialRecord,
  self: Self,
): Promise<Loaded> {
  let f = await find(volumes, id, name);
  if (f !== undefined && f.image.nlink !== 1n) {
    await sweep(volumes, self, [TMP]);
    f = await find(volumes, id, name);
  }
  if (f !== undefined) return make(volumes, f, id, name, record, self);
  const there = await volumes.load(name);
  if (there === undefined || (there.kept.origin !== id && toId(name, there.scan.inc) !== id)) {
    throw notFound('Image', id);
  }
  return there;
}

/** Where a directory of that name is while the volume gets it. */
const aside = (name: string, ino: bigint | string): string => `${name}.foreign-${ino}`;

/** The image, also where one who died had moved it aside. */
async function find(volumes: Volumes, id: string, name: string): Promise<Foreign | undefined> {
  const parsed = parseId(id);
  if (parsed?.kind !== 'foreign') return undefined;
  const { entry, ino } = parsed;
  return (
    (await volumes.foreign(entry, ino)) ?? (entry === name ? await volumes.foreign(aside(name, ino), ino) : undefined)
  );
}

/**
 * The image gets its new name as a second link before the old one goes, so at no moment is it without a name, and nothing
 * that a sweep removes is its last one. Of two nodes that adopt one image, the one whose unlink removes the old name has
 * it. Until then the volume is under a claim for work: nobody attaches it.
 */
async function make(
  volumes: Volumes,
  f: Foreign,
  id: string,
  name: string,
  record: InitialRecord,
  self: Self,
): Promise<Loaded> {
  const { calls, place, claims } = volumes;
  if (f.image.nlink !== 1n) throw await whoElse(volumes, f);
  const from = await moveAside(volumes, f, name);
  const note = await leaveNote(volumes, { name, from });
  const made = await volumes.make(
    name,
    { sizeBytes: Number(f.image.size), origin: id, record },
    {
      image: async (path) => {
        if (!(await calls.hardLink(place.path(from), path))) throw taken(name, 'an image');
      },
      claim: { kind: 'work', node: self.node, boot: self.boot, op: 'adopt', token: place.token },
    },
  );
  if (made?.claim === undefined) {
    await calls.unlink(note);
    throw taken(name, 'something else has this name');
  }
  if (!(await onlyName(volumes, made, from))) {
    await calls.removeTree(place.path(name));
    await calls.unlink(note);
    throw adoptedMeanwhile(f);
  }
  await calls.syncDir(place.root);
  await claims.release(name, made.scan.inc, made.claim);
  await calls.unlink(note);
  const v = await volumes.load(name);
  if (v === undefined) throw attachedTo(name, made.claim, 'It was removed meanwhile.');
  return v;
}

/** A foreign directory that has the very name makes room for the volume. @returns where the image is now, below the root */
async function moveAside(volumes: Volumes, f: Foreign, name: string): Promise<string> {
  if (f.imagePath === volumes.place.path(f.entry)) return f.entry;
  if (f.entry !== name) return `${f.entry}/${IMAGE}`;
  const to = aside(name, f.image.ino);
  await volumes.calls.rename(volumes.place.path(name), volumes.place.path(to));
  return `${to}/${IMAGE}`;
}

/** Why an image has several names: one who lives is adopting it, a volume has it, or somebody made a link outside of all this. */
async function whoElse(volumes: Volumes, f: Foreign): Promise<VolumeError> {
  const { calls, place } = volumes;
  const isIt = async (...at: string[]): Promise<boolean> => {
    const image = await calls.stat(place.path(...at, IMAGE));
    return image?.ino === f.image.ino && image.dev === f.image.dev && place.path(...at, IMAGE) !== f.imagePath;
  };
  for (const entry of (await calls.entries(place.path(TMP))) ?? []) {
    if (await isIt(TMP, entry)) return adoptedMeanwhile(f);
  }
  for (const entry of (await calls.entries(place.root)) ?? []) {
    if (entry.startsWith('.') || !(await isIt(entry))) continue;
    const v = await volumes.load(entry);
    if (v?.claim?.kind === 'work') return beingWorkedOn(v.name, v.claim);
    if (v !== undefined)
      return severalNames(
        f.entry,
        f,
        `Volume "${v.name}" has it: remove the name ${f.imagePath}, or that volume; the data stays.`,
      );
  }
  return severalNames(f.entry, f);
}

const adoptedMeanwhile = (f: Foreign): VolumeError<'busy'> =>
  new VolumeError('busy', `"${f.entry}" is being adopted by another process or node.`, {
    details: { op: 'adopt', retryAfterMs: 50 },
    hint: 'List the volumes: it is one of them in a moment, or can be adopted again.',
  });
