import { createHash } from 'node:crypto';
import { type Integration, VolumeError } from '@rexray/core';

/** A strong validator of a volume as it was answered: anything that changes in the answer changes it. */
export const etagOf = (volume: unknown): string =>
  `"${createHash('sha256').update(JSON.stringify(volume)).digest('base64url').slice(0, 22)}"`;

/** Whether a header of tags (`"a", "b"`, `*`) has this one; weak tags are compared with If-None-Match alone. */
export const hasTag = (header: string, tag: string, weak = false): boolean =>
  header.trim() === '*' || header.split(',').some((t) => (weak ? t.trim().replace(/^W\//, '') : t.trim()) === tag);

/** 412: somebody changed it since it was read. */
class Changed extends VolumeError<'invalid'> {
  readonly statusCode = 412;
}

/** Two writers that read the same volume meet here: one after the other, and the second is told. */
export class Matching {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * Does it only if the volume is still the one that was read.
   * @throws VolumeError `invalid` with status 412: it is another; nothing was done
   */
  async run<T>(ifMatch: string, it: Integration, volume: string, act: () => Promise<T>): Promise<T> {
    const key = `${it.service}\0${volume}`;
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(async () => {
      const tag = etagOf(await it.get(volume));
      if (!hasTag(ifMatch, tag)) throw changed(it.service, volume, ifMatch, tag);
      return act();
    });
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    void tail.then(() => this.#tails.get(key) === tail && this.#tails.delete(key));
    return mine;
  }
}

const changed = (service: string, volume: string, value: string, expected: string): Changed =>
  new Changed('invalid', `Volume "${volume}" of service "${service}" is not as it was read: it changed meanwhile.`, {
    details: { path: 'If-Match', value: value.slice(0, 200), expected },
    hint: 'Nothing was done. Read it again, and decide again.',
  });
