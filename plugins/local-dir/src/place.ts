import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import * as files from './files.ts';
import { KNOWN, ROOT_FILE, SNAPSHOTS, TMP, TRASH } from './layout.ts';

/**
 * The directory of a service, and the proof that it is still the same one (S9): a network directory that is not mounted
 * must not look like an empty service, and nothing may be made beneath its mount point.
 */
export class Place {
  readonly root: string;
  readonly #shared: boolean;
  /** Names this process's half-made things. */
  token = 'unknown';
  #identity: string | undefined;
  #expected: string | undefined;

  constructor(root: string, shared: boolean) {
    this.root = root;
    this.#shared = shared;
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  scratch(where: typeof TMP | typeof TRASH = TMP): string {
    return this.path(where, `${this.token}-${randomUUID()}`);
  }

  /** @param expected what this node pinned earlier @throws VolumeError `unavailable`, having made nothing */
  async pin(expected: string | undefined): Promise<string> {
    this.#expected = expected ?? this.#expected;
    const found = (await this.#read()) ?? (this.#expected === undefined ? await this.#make() : undefined);
    if (found === undefined || (this.#expected !== undefined && found !== this.#expected)) throw this.#gone(found);
    for (const dir of [KNOWN, SNAPSHOTS, TMP, TRASH]) await files.makeDir(this.path(dir), 0o700);
    this.#identity = found;
    return found;
  }

  /** Before every verb. @throws VolumeError `unavailable` */
  async verify(): Promise<void> {
    if (this.#identity === undefined) return void (await this.pin(undefined));
    const found = await this.#read();
    if (found !== this.#identity) throw this.#gone(found);
  }

  async #read(): Promise<string | undefined> {
    const id = (await files.readText(this.path(ROOT_FILE)))?.trim();
    if (id === undefined || /^[0-9a-f-]{36}$/.test(id)) return id;
    throw new VolumeError('data_loss', `${this.path(ROOT_FILE)} does not hold an identity.`, {
      details: { found: id.slice(0, 60), expected: 'a uuid' },
      hint: 'Restore the file, or remove it if this directory shall get a new identity.',
    });
  }

  async #make(): Promise<string | undefined> {
    if (!this.#shared) await makeRoot(this.root);
    else if ((await files.stat(this.root)) === undefined) return undefined;
    await files.makeDir(this.path(TMP), 0o700);
    const tmp = this.scratch();
    await files.makeFile(tmp, `${randomUUID()}\n`);
    // Of two processes that do this at once one makes it, and both read it.
    await files.hardLink(tmp, this.path(ROOT_FILE));
    await files.syncDir(this.root);
    await files.drop(tmp);
    return this.#read();
  }

  #gone(found: string | undefined): VolumeError<'unavailable'> {
    const expected = this.#expected ?? this.#identity;
    const what = found === undefined ? `has no ${ROOT_FILE}` : `is another one (${found}) than this node knows`;
    return new VolumeError('unavailable', `The directory ${this.root} ${what}: is it mounted?`, {
      details: { ...(expected !== undefined && { expected }), ...(found !== undefined && { found }) },
      hint: `Nothing was made. Mount what belongs at ${this.root}${this.#shared ? ', or make the directory if it shall be a new one' : ''}; if the service shall begin anew in another place, give it another name.`,
    });
  }
}

/** Those who use a volume pass through it by name; only its owner lists it. */
async function makeRoot(dir: string): Promise<void> {
  try {
    await files.makeDir(dir, 0o711);
  } catch (e) {
    if (files.errnoOf(e) !== 'ENOENT') throw e;
    await makeRoot(join(dir, '..'));
    await files.makeDir(dir, 0o711);
  }
}
