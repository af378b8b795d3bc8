import type { BigIntStats } from 'node:fs';
import { bytes, type DriverVolume, emptyRecord, type InitialRecord, notFound, VolumeError } from '@rexray/core';
import type { Calls } from './calls.ts';
import { type Claim, Claims, type NewClaim } from './claims.ts';
import type { LocalLoopParams } from './config.ts';
import { notOurs } from './errors.ts';
import {
  claimFile,
  IMAGE,
  idFile,
  imageFile,
  newIncarnation,
  parseId,
  readScan,
  recordFile,
  type Scan,
  toForeignId,
  toId,
} from './layout.ts';
import type { Place } from './place.ts';
import { type Kept, Records, type Stored } from './records.ts';

/** A volume as one reading of its directory shows it. */
export interface Loaded {
  readonly name: string;
  readonly scan: Scan;
  readonly kept: Kept;
  readonly claim: Claim | undefined;
  readonly imagePath: string;
  readonly image: BigIntStats;
}
/** An image that nobody recorded: a file `*.img`, or a directory with an `image`. */
export interface Foreign {
  readonly entry: string;
  readonly imagePath: string;
  readonly image: BigIntStats;
}

const RESCANS = 20;

/** Reading and making volumes of one place. */
export class Volumes {
  readonly calls: Calls;
  readonly place: Place;
  readonly records: Records;
  readonly claims: Claims;

  constructor(calls: Calls, place: Place) {
    this.calls = calls;
    this.place = place;
    this.records = new Records(calls, place);
    this.claims = new Claims(calls, place);
  }

  /** @returns undefined when no volume of ours has the name. @throws VolumeError `data_loss` when it lacks its record or its image */
  async load(name: string): Promise<Loaded | undefined> {
    let lacks = '';
    for (let i = 0; i < RESCANS; i++) {
      const scan = readScan((await this.calls.entries(this.place.path(name))) ?? []);
      if (scan === undefined) return undefined;
      const kept = scan.rev === 0 ? undefined : await this.records.read(name, scan);
      const claim = await this.claims.read(name, scan);
      const imagePath = this.place.path(name, imageFile(kept?.image ?? 0));
      const image = await this.calls.stat(imagePath);
      if (kept !== undefined && claim !== 'changed' && image !== undefined) {
        return { name, scan, kept, claim, imagePath, image };
      }
      // Somebody made a next number between two of these readings; what is still lacking after many of them is lacking.
      lacks = kept === undefined ? recordFile(scan.inc, Math.max(scan.rev, 1)) : image === undefined ? imagePath : '';
    }
    throw new VolumeError('data_loss', `Volume "${name}" is not whole: ${lacks || 'it changes all the time'}.`, {
      details: { found: 'nothing', expected: lacks },
      hint: `Nothing was changed. Look into ${this.place.path(name)}.`,
    });
  }

  /** @throws VolumeError `not_found`; `denied` for a foreign image */
  async own(id: string): Promise<Loaded> {
    const parsed = parseId(id);
    if (parsed?.kind === 'foreign' && (await this.foreign(parsed.entry, parsed.ino))) throw notOurs(parsed.entry);
    const v = parsed?.kind === 'own' ? await this.load(parsed.name) : undefined;
    if (parsed?.kind !== 'own' || v?.scan.inc !== parsed.inc) throw notFound('Volume', id);
    return v;
  }

  /** @param ino only this one */
  async foreign(entry: string, ino?: string): Promise<Foreign | undefined> {
    const path = this.place.path(entry);
    const stat = await this.calls.stat(path);
    if (stat?.isFile() === true && entry.endsWith('.img'))
      return this.#foreign({ entry, imagePath: path, image: stat }, ino);
    if (stat?.isDirectory() !== true) return undefined;
    const entries = (await this.calls.entries(path)) ?? [];
    if (readScan(entries) !== undefined || !entries.includes(IMAGE)) return undefined;
    const imagePath = this.place.path(entry, IMAGE);
    const image = await this.calls.stat(imagePath);
    return image?.isFile() === true ? this.#foreign({ entry, imagePath, image }, ino) : undefined;
  }

  #foreign(f: Foreign, ino: string | undefined): Foreign | undefined {
    return ino === undefined || String(f.image.ino) === ino ? f : undefined;
  }

  /**
   * A new volume: built aside, then given its name in one step, so that it exists whole or not at all.
   * @param image makes the image at a path
   * @returns the volume, or undefined when the name was taken meanwhile (and nothing is left of this one)
   */
  async make(
    name: string,
    stored: Omit<Stored, 'nonce' | 'createdAt' | 'revision'>,
    o: { readonly image: (path: string) => Promise<void>; readonly claim?: NewClaim },
  ): Promise<Loaded | undefined> {
    const { calls, place } = this;
    const dir = place.scratch();
    const inc = newIncarnation();
    try {
      await calls.makeDir(dir);
      await o.image(`${dir}/${IMAGE}`);
      const text = JSON.stringify({
        ...stored,
        revision: 1,
        nonce: inc,
        createdAt: new Date().toISOString(),
      } satisfies Stored);
      await calls.makeMark(`${dir}/${idFile(inc)}`);
      await calls.makeFile(`${dir}/${recordFile(inc, 1)}`, { text });
      if (o.claim !== undefined) await calls.makeSymlink(this.claims.text(o.claim), `${dir}/${claimFile(inc, 1)}`);
      await calls.syncDir(dir);
      await place.verify();
      // rename(2) replaces an empty directory, which may be somebody's mount point.
      const there = await calls.stat(place.path(name));
      if (there !== undefined || !(await calls.renameNew(dir, place.path(name)))) {
        await calls.removeTree(dir);
        return undefined;
      }
    } catch (e) {
      await calls.removeTree(dir).catch(() => undefined);
      throw e;
    }
    await calls.syncDir(place.root);
    const made = await this.load(name);
    return made?.scan.inc === inc ? made : undefined;
  }
}

export function toVolume(v: Loaded): DriverVolume<LocalLoopParams> {
  const { claim, kept, image } = v;
  const attached = claim?.kind === 'attach' ? claim : undefined;
  return {
    id: toId(v.name, v.scan.inc),
    name: v.name,
    sizeBytes: bytes(Number(image.size)),
    createdAt: kept.createdAt,
    attachments:
      attached === undefined
        ? []
        : [
            {
              node: attached.node,
              bootId: attached.boot,
              epoch: attached.epoch,
              since: attached.since,
              ...(attached.readonly === true && { readonly: true }),
            },
          ],
    record: kept.record,
    params: {},
    status: { path: v.imagePath, allocatedBytes: Number(image.blocks) * 512, epoch: v.scan.epoch },
  };
}

export const toForeignVolume = (f: Foreign): DriverVolume<LocalLoopParams> => ({
  id: toForeignId(f.entry, f.image.ino),
  name: f.entry,
  sizeBytes: bytes(Number(f.image.size)),
  attachments: [],
  record: { ...(emptyRecord({ state: 'none' }) satisfies InitialRecord), revision: '0' },
  params: {},
  foreign: true,
  status: { path: f.imagePath, allocatedBytes: Number(f.image.blocks) * 512 },
});
