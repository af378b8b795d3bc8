import { VolumeError } from '@rexray/core';
import { type Client, NOTE, type Patience } from './client.ts';
import { is } from './errors.ts';
import type { Folder } from './names.ts';

const MARKER = '.rexray-root.vmdk';
const MARKER_BYTES = 1 << 20;
const FRESH_MS = 200;

/**
 * The directory of the volumes, told from every other by a tiny disk in it (S9): VirtualBox has no identity of its own, makes
 * missing directories without asking, and checks the uuid in the file when it looks at a disk. So a share that is not mounted
 * is never taken for an empty place.
 */
export class Place {
  readonly folder: Folder;
  readonly #client: Client;
  #id: string | undefined;
  #at = Number.NEGATIVE_INFINITY;
  #looking: Promise<string> | undefined;

  constructor(client: Client, folder: Folder) {
    this.#client = client;
    this.folder = folder;
  }

  /** What this service's notes begin with. */
  static notes(id: string): string {
    return `${NOTE}${id}/`;
  }
  isMarker(location: string): boolean {
    return this.folder.relative(location) === MARKER;
  }

  /** The identity, after a look at the file. @throws VolumeError `unavailable` when it is not there, or another one */
  async here(p: Patience, expected?: string): Promise<string> {
    // One look serves a verb: between it and the act that follows the place may go away in any case.
    if (expected === undefined && this.#id !== undefined && performance.now() - this.#at < FRESH_MS) return this.#id;
    const began = performance.now();
    // One look for all who ask meanwhile.
    const looking = this.#looking ?? this.#look(p, this.#id ?? expected);
    this.#looking = looking;
    try {
      this.#at = Number.NEGATIVE_INFINITY;
      this.#id = await looking;
      this.#at = began;
    } finally {
      if (this.#looking === looking) this.#looking = undefined;
    }
    if (expected !== undefined && expected !== this.#id) throw this.#lost(expected, this.#id);
    return this.#id;
  }

  async #look(p: Patience, expected: string | undefined): Promise<string> {
    if (expected !== undefined) {
      if (await this.#client.accessible(expected, p)) return expected;
      const found = (await this.#client.diskAt(this.folder.at(MARKER), p))?.id;
      // VirtualBox may have forgotten its disks (a new user, lost settings): the file itself still says which place it is.
      if (found === expected && (await this.#registered(p)) === expected) return expected;
      throw this.#lost(expected, found === expected ? undefined : found);
    }
    return (await this.#registered(p)) ?? this.#make(p);
  }

  async #registered(p: Patience): Promise<string | undefined> {
    try {
      const { id } = await this.#client.open(this.folder.at(MARKER), p);
      if (await this.#client.accessible(id, p)) return id;
      throw this.#lost(id, undefined);
    } catch (e) {
      if (is(e, 'not_found')) return undefined;
      throw e;
    }
  }

  async #make(p: Patience): Promise<string> {
    const disk = {
      location: this.folder.at(MARKER),
      format: 'VMDK',
      fixed: false,
      sizeBytes: MARKER_BYTES,
      description: 'REX-Ray knows by this disk that its volumes are here. Keep it.',
    } as const;
    try {
      return await this.#client.create(disk, p);
    } catch (e) {
      // Another node was first.
      const there = is(e, 'exists') ? await this.#registered(p) : undefined;
      if (there === undefined) throw e;
      return there;
    }
  }

  #lost(expected: string, found: string | undefined): VolumeError<'unavailable'> {
    const where = this.folder.path;
    return new VolumeError(
      'unavailable',
      found === undefined
        ? `${where} on the VirtualBox host is not there, or not the directory that holds the volumes (its ${MARKER} is missing).`
        : `${where} on the VirtualBox host is another place than before (${found} instead of ${expected}).`,
      {
        details: { expected, ...(found !== undefined && { found }) },
        hint: 'Nothing was changed. Is its disk or share mounted on the host? For another place, name the service otherwise.',
      },
    );
  }
}
