import { type InitialRecord, VolumeError } from '@rexray/core';
import type { Foreign, Loaded, Volumes } from './client.ts';
import { attachedTo, taken } from './errors.ts';
import { IMAGE, toForeignId } from './layout.ts';
import { leaveNote, onlyName, type Self } from './work.ts';

/**
 * Makes a foreign image a volume. The image gets its new name as a second link before the old one goes, so at no moment
 * is it without a name, and nothing that a sweep removes is its last one. Of two nodes that adopt one image, the one whose
 * unlink removes the old name has it. Until then the volume is under a claim for work: nobody attaches it.
 */
export async function adopt(
  volumes: Volumes,
  f: Foreign,
  name: string,
  record: InitialRecord,
  self: Self,
): Promise<Loaded> {
  const { calls, place, claims } = volumes;
  if (f.image.nlink !== 1n) throw severalNames(f);
  const from = await moveAside(volumes, f, name);
  const note = await leaveNote(volumes, { name, from });
  const made = await volumes.make(
    name,
    { sizeBytes: Number(f.image.size), origin: toForeignId(f.entry, f.image.ino), record },
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
    throw new VolumeError('busy', `"${f.entry}" was adopted by another node at the same time.`, {
      details: { op: 'adopt', retryAfterMs: 50 },
    });
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
  const aside = `${name}.foreign-${f.image.ino}`;
  await volumes.calls.rename(volumes.place.path(name), volumes.place.path(aside));
  return `${aside}/${IMAGE}`;
}

const severalNames = (f: Foreign): VolumeError<'denied'> =>
  new VolumeError('denied', `The image "${f.entry}" has ${f.image.nlink} names: two volumes could write it.`, {
    details: { rule: 'S12', found: `${f.image.nlink} hard links`, where: f.imagePath },
    hint: 'Remove its other names first.',
  });
