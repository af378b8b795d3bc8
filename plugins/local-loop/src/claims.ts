import { randomBytes } from 'node:crypto';
import { VolumeError } from '@rexray/core';
import { errnoCode } from '@rexray/kernel';
import type { Calls } from './calls.ts';
import { askFile, claimFile, freeFile, readScan, type Scan, superseded } from './layout.ts';
import type { Place } from './place.ts';

/**
 * Who may use a volume: the text of the highest claim.
 *
 * `attach` a node has it · `work` a process of a node removes, copies or adopts it · `free` its owner let go: the claim has
 * another name then. It is kept, because the highest epoch must outlive its owner, or an old number could be made again.
 */
export interface Claim {
  readonly kind: 'attach' | 'work' | 'free';
  readonly epoch: number;
  readonly node: string;
  readonly boot: string;
  /** Tells the claims of one node from each other when it is read back. */
  readonly nonce: string;
  /** RFC 3339; for people, never for decisions. */
  readonly since: string;
  readonly replaces: number;
  readonly readonly?: boolean;
  /** Inode of the image when it was claimed: another one now means that somebody switched it. */
  readonly ino?: string;
  /** `work`: what is done, and by which process. */
  readonly op?: string;
  readonly token?: string;
  /**
   * Somebody who lost the volume may still write this image: the switch (S10) has not happened yet. It outlives the claim,
   * also a released one, until somebody has done it.
   */
  readonly unfenced?: boolean;
}
export type NewClaim = Omit<Claim, 'kind' | 'epoch' | 'nonce' | 'since' | 'replaces'> & {
  readonly kind: 'attach' | 'work';
};

export interface Taken {
  readonly claim: Claim;
  /** The directory as it is under this claim. */
  readonly scan: Scan;
}

/** Longest text that every file system takes in a symbolic link (xfs: 1,023 bytes). */
const MAX_TEXT = 1000;

/**
 * Claims are symbolic links that point nowhere: their text is the claim. symlink(2) is exclusive and atomic with its
 * content like link(2) of a written file (S5), and needs one flush of the directory instead of two of file and directory.
 */
export class Claims {
  readonly #calls: Calls;
  readonly #place: Place;

  constructor(calls: Calls, place: Place) {
    this.#calls = calls;
    this.#place = place;
  }

  /** undefined = never claimed; `'changed'` = a higher one took its place: scan again */
  async read(name: string, scan: Scan): Promise<Claim | undefined | 'changed'> {
    if (scan.epoch === 0) return undefined;
    const file = scan.free ? freeFile(scan.inc, scan.epoch) : claimFile(scan.inc, scan.epoch);
    const text = await this.#calls.readLink(this.#place.path(name, file));
    if (text === undefined) return 'changed';
    return { ...parseClaim(text, name, file), epoch: scan.epoch, ...(scan.free && { kind: 'free' }) };
  }

  /**
   * Makes the claim that follows the one that was seen. Durable before it returns.
   * @returns undefined when somebody else was faster, or the volume is gone: look again
   */
  async take(name: string, scan: Scan, claim: NewClaim): Promise<Taken | undefined> {
    const epoch = scan.epoch + 1;
    const stamped = stamp(claim, scan.epoch);
    const dir = this.#place.path(name);
    const path = this.#place.path(name, claimFile(scan.inc, epoch));
    try {
      // A network file system that repeats a request may answer "exists" to the one that made it: reading back tells.
      const text = textOf(stamped);
      const made = await this.#place.withSpare(() => this.#calls.makeSymlink(text, path));
      if (!made && (await this.#calls.readLink(path)) !== text) return undefined;
      await this.#calls.syncDir(dir);
    } catch (e) {
      if (errnoCode(e) === 'ENOENT') return undefined;
      await this.#calls.unlink(path).catch(() => false);
      throw e;
    }
    const now = readScan((await this.#calls.entries(dir)) ?? []);
    if (now === undefined || now.inc !== scan.inc || now.epoch !== epoch || now.free) {
      await this.#calls.unlink(path);
      return undefined;
    }
    for (const e of superseded(now)) await this.#calls.unlink(this.#place.path(name, e));
    return { claim: { ...stamped, epoch }, scan: now };
  }

  /** Says something else in a claim of one's own. It stays what it is when a higher one has been made meanwhile. */
  async rewrite(name: string, inc: string, claim: Claim): Promise<void> {
    const tmp = this.#place.scratch();
    await this.#calls.makeSymlink(textOf(claim), tmp);
    try {
      await this.#calls.rename(tmp, this.#place.path(name, claimFile(inc, claim.epoch)));
      await this.#calls.syncDir(this.#place.path(name));
    } catch (e) {
      await this.#calls.unlink(tmp);
      // The volume is gone, and the claim with it.
      if (errnoCode(e) !== 'ENOENT') throw e;
    }
  }

  /** Lets go of a claim of one's own; needs no room on the disk. What is unfenced stays so. @param asked false = nobody has asked for it */
  async release(name: string, inc: string, { epoch }: Claim, asked = true): Promise<void> {
    const path = (file: string): string => this.#place.path(name, file);
    try {
      await this.#calls.rename(path(claimFile(inc, epoch)), path(freeFile(inc, epoch)));
      await this.#calls.syncDir(path(''));
    } catch (e) {
      // Taken over, or gone with its volume.
      if (errnoCode(e) !== 'ENOENT') throw e;
    }
    if (asked) await this.#calls.unlink(path(askFile(inc, epoch)));
  }

  /** The first claim of a volume that is in the making. */
  text(claim: NewClaim): string {
    return textOf(stamp(claim, 0));
  }

  /** Whether a claim is still the one that counts. */
  async holds(name: string, inc: string, claim: Claim): Promise<boolean> {
    const scan = readScan((await this.#calls.entries(this.#place.path(name))) ?? []);
    if (scan?.inc !== inc || scan.epoch !== claim.epoch || scan.free) return false;
    const now = await this.read(name, scan);
    return now !== 'changed' && now?.nonce === claim.nonce;
  }

  /** Leaves a wish for the owner of an epoch; the first one that wishes is told. */
  async ask(name: string, scan: Scan, node: string): Promise<void> {
    const text = JSON.stringify({ node, since: new Date().toISOString() });
    await this.#calls.makeSymlink(text, this.#place.path(name, askFile(scan.inc, scan.epoch)));
  }

  async asker(name: string, scan: Scan): Promise<string | undefined> {
    if (!scan.asked) return undefined;
    const text = await this.#calls.readLink(this.#place.path(name, askFile(scan.inc, scan.epoch)));
    return text === undefined ? undefined : (JSON.parse(text) as { node: string }).node;
  }
}

const stamp = (claim: NewClaim, replaces: number): Omit<Claim, 'epoch'> => ({
  ...claim,
  replaces,
  nonce: randomBytes(8).toString('hex'),
  since: new Date().toISOString(),
});

function parseClaim(text: string, name: string, file: string): Claim {
  try {
    return JSON.parse(text) as Claim;
  } catch (cause) {
    throw new VolumeError('data_loss', `The claim ${file} of volume "${name}" does not verify.`, {
      details: { found: text.slice(0, 80), expected: 'a claim' },
      hint: 'Nothing was changed. Once no node uses the volume, remove this link.',
      cause,
    });
  }
}

function textOf(claim: Omit<Claim, 'epoch'>): string {
  const text = JSON.stringify(claim);
  if (Buffer.byteLength(text) <= MAX_TEXT) return text;
  throw Object.assign(new Error(`the node's name is too long for a claim: ${claim.node.slice(0, 60)}…`), {
    code: 'ENAMETOOLONG',
  });
}
