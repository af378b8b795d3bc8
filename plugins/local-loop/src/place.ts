import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { errnoCode } from '@rexray/kernel';
import type { Calls } from './calls.ts';
import { probeReflink } from './copy.ts';
import { ROOT_FILE, SNAPSHOTS, SPARE, TMP, TRASH } from './layout.ts';

interface Pin {
  readonly id: string;
  /** The identity file as it was when it was read: the same inode and change time have the same content. */
  readonly seen: string;
}

const SPARE_BYTES = 65_536;
const NO_ROOM: readonly string[] = ['ENOSPC', 'EDQUOT'];

/**
 * The directory of a service, and the proof that it is still the same (S9): a network directory that is not mounted must
 * not look like an empty service, and nothing may be made beneath its mount point.
 */
export class Place {
  readonly root: string;
  readonly #calls: Calls;
  readonly #shared: boolean;
  #pin: Pin | undefined;
  #expected: string | undefined;
  #reflink: boolean | undefined;
  #serial = 0;
  #token = 'unknown';

  constructor(root: string, calls: Calls, shared: boolean) {
    this.root = root;
    this.#calls = calls;
    this.#shared = shared;
  }

  get reflink(): boolean {
    return this.#reflink === true;
  }

  /** Prefix of the names of half-made things of this process. */
  get token(): string {
    return this.#token;
  }
  set token(token: string) {
    this.#token = token;
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** A path of our own below `.tmp` or `.trash`. */
  scratch(where: typeof TMP | typeof TRASH = TMP): string {
    this.#serial += 1;
    return this.path(where, `${this.#token}-${Date.now().toString(36)}${this.#serial}`);
  }

  /**
   * @param expected what this node pinned earlier; from then on only that place will do.
   * @returns the identity; made, together with the directory, where nothing was expected and nothing is there.
   * @throws VolumeError `unavailable`, having made nothing
   */
  async pin(expected: string | undefined): Promise<string> {
    this.#expected = expected ?? this.#expected;
    this.#pin = undefined;
    const pin = (await this.#read()) ?? (this.#expected === undefined ? await this.#make() : undefined);
    if (pin === undefined || (this.#expected !== undefined && pin.id !== this.#expected)) throw this.#gone(pin?.id);
    for (const dir of [TMP, TRASH, SNAPSHOTS]) await this.#calls.makeDir(this.path(dir));
    await this.keepSpare();
    this.#pin = pin;
    this.#reflink ??= await probeReflink(this.root, this.scratch());
    return pin.id;
  }

  /** Cheap, before (and where something is made, again just before it gets its name) every verb. @throws VolumeError `unavailable` */
  async verify(): Promise<void> {
    const pin = this.#pin;
    if (pin === undefined) {
      await this.pin(undefined);
      return;
    }
    const stat = await this.#calls.stat(this.path(ROOT_FILE));
    if (stat !== undefined && seenAs(stat) === pin.seen) return;
    const now = await this.#read();
    if (now?.id !== pin.id) throw this.#gone(now?.id, pin.id);
    this.#pin = now;
  }

  /** Whether the place has been made by somebody, without making anything. */
  async exists(): Promise<boolean> {
    return (await this.#calls.stat(this.path(ROOT_FILE))) !== undefined;
  }

  /**
   * A full disk must not keep anybody from removing a volume or reading one: the little that a claim needs is kept in
   * reserve. Best effort; others may be faster.
   */
  async withSpare<T>(f: () => Promise<T>): Promise<T> {
    try {
      return await f();
    } catch (e) {
      if (!NO_ROOM.includes(errnoCode(e) ?? '')) throw e;
      await this.#calls.unlink(this.path(SPARE));
      return f();
    }
  }

  /** Puts the reserve back once there is room again. */
  async keepSpare(): Promise<void> {
    const path = this.path(SPARE);
    if ((await this.#calls.stat(path)) !== undefined) return;
    const tmp = this.scratch();
    try {
      await this.#calls.makeFile(tmp, { text: '\n'.repeat(SPARE_BYTES) });
      await this.#calls.hardLink(tmp, path);
    } catch (e) {
      if (!NO_ROOM.includes(errnoCode(e) ?? '')) throw e;
    } finally {
      await this.#calls.unlink(tmp);
    }
  }

  async #read(): Promise<Pin | undefined> {
    const path = this.path(ROOT_FILE);
    const stat = await this.#calls.stat(path);
    const id = (await this.#calls.readText(path))?.trim();
    if (stat === undefined || id === undefined) return undefined;
    if (!/^[0-9a-f-]{36}$/.test(id)) {
      throw new VolumeError('data_loss', `${path} does not hold an identity.`, {
        details: { found: id.slice(0, 60), expected: 'a uuid' },
        hint: 'Restore the file, or remove it if this directory shall get a new identity.',
      });
    }
    return { id, seen: seenAs(stat) };
  }

  async #make(): Promise<Pin | undefined> {
    if (!this.#shared) await this.#makeRoot(this.root);
    else if ((await this.#calls.stat(this.root)) === undefined) return undefined;
    await this.#calls.makeDir(this.path(TMP));
    const tmp = this.scratch();
    await this.#calls.makeFile(tmp, { text: `${randomUUID()}\n` });
    // Of two nodes that do this at once, one makes it and both read it.
    await this.#calls.hardLink(tmp, this.path(ROOT_FILE));
    await this.#calls.syncDir(this.root);
    await this.#calls.unlink(tmp);
    return this.#read();
  }

  async #makeRoot(dir: string): Promise<void> {
    try {
      await this.#calls.makeDir(dir);
    } catch (e) {
      if (errnoCode(e) !== 'ENOENT') throw e;
      await this.#makeRoot(join(dir, '..'));
      await this.#calls.makeDir(dir);
    }
  }

  #gone(found: string | undefined, expected = this.#expected): VolumeError<'unavailable'> {
    const what =
      found === undefined ? `has no ${ROOT_FILE}` : `is another directory (${found}) than the one that this node knows`;
    return new VolumeError('unavailable', `${this.root} ${what}: is it mounted?`, {
      details: { ...(expected !== undefined && { expected }), ...(found !== undefined && { found }) },
      hint: `Nothing was made. Mount the file system that belongs at ${this.root}${
        this.#shared ? ', or make the directory if it shall be a new one' : ''
      }; if the service shall begin anew in another place, give it another name.`,
    });
  }
}

const seenAs = (s: { dev: bigint; ino: bigint; ctimeNs: bigint }): string => `${s.dev}:${s.ino}:${s.ctimeNs}`;
